"""Opting out and being away, in three languages, and what only sounds like it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runner.domain.phrases import opt_out_in, out_of_office_in

WRITTEN = datetime(2026, 11, 22, 12, tzinfo=UTC)  # a Sunday


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "stop.",
        "Please stop messaging me.",
        "Stop texting!",
        "Unsubscribe me please",
        "Remove me from your list",
        "Do not contact me again.",
        "don’t text me",
        "No more messages, thanks",
        "leave me alone",
        "BAJA",
        "Quiero darme de baja.",
        "No me escribas más.",
        "No me mande más mensajes, por favor",
        "Deja de escribirme",
        "déjame en paz",
        "No más mensajes",
        "Arrêtez",
        "Arrêtez de m’écrire !",
        "Ne me contactez plus",
        "NE M'ÉCRIVEZ PLUS",
        "Je veux me désabonner",
        "Plus de messages svp",
        "laissez-moi tranquille",
        "please stop sending me messages",
        "stop replying to me",
        "I don't want any more messages",
        "please do not write again",
        "Stop, I bought one already",
        "merci de ne plus me contacter",
        "plus aucun message",
        "puedes dejar de escribirme",
        "I want you to stop texting",
        "don't contact me at all",
        "I want to opt out of these messages",
        "Je ne veux plus de messages",
    ],
)
def test_who_wants_no_more_messages_is_understood(text: str) -> None:
    assert opt_out_in(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "Can I stop by tomorrow?",
        "Is there a bus stop near you?",
        "Don't contact me if it is sold already",
        "It does not stop when I press the button",
        "No more than 20 euros",
        "Not interested, thank you",
        "Vivo en la planta baja",
        "¿Me lo baja a 20?",
        "No me mandes más fotos, está bien así",
        "No, gracias",
        "¿Hay más mensajes?",
        "C'est près de l'arrêt de bus ?",
        "Je ne peux plus venir demain",
        "Je n'ai plus de place",
        "Il y a plus de messages que d'habitude",
        "I'd like to opt out of shipping",
        "take me off the list for Saturday, I'll come Sunday",
        "I'll stop texting and just come by",
        "don't text me before 9",
        "¿Hay que dar de baja el coche en tráfico?",
        "je ne veux plus de la table mais les chaises oui",
    ],
)
def test_who_only_sounds_so_does_not_opt_out(text: str) -> None:
    assert opt_out_in(text) is None


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("Automatic reply: I am out of the office until 30 November.", (2026, 12, 1)),
        ("Out of office. Back on Dec 2nd, 2026", (2026, 12, 2)),
        ("Auto-reply: away from my desk, back 2026-12-24", (2026, 12, 24)),
        ("I am on vacation until Friday and will reply when I am back.", (2026, 11, 28)),
        ("Out-of-office: from 20 November to 1 December", (2026, 12, 1)),
        ("Respuesta automática: fuera de la oficina hasta el 1 de diciembre.", (2026, 12, 2)),
        ("Estoy de vacaciones, le responderé el lunes.", (2026, 11, 23)),
        ("Réponse automatique : absente du bureau jusqu’au 3 décembre inclus", (2026, 12, 4)),
        ("Je suis en congés du 20/11 au 03/12, je vous répondrai à mon retour", (2026, 12, 3)),
        ("Out of the office.", None),
        ("Thank you for your message. I am out of the office for 14 days.", None),
        ("Hello, I am out of the office and will take care of it later.", None),
        ("Automatic reply: back on 31 February", None),
        ("Autoreply: out of office since 3 March 2019", None),
        ("Automatic reply: away until 9999-12-31", None),
    ],
)
def test_a_note_of_absence_says_until_when(text: str, until: tuple[int, int, int] | None) -> None:
    found = out_of_office_in(text)
    assert found is not None
    assert found.until(WRITTEN, WRITTEN) == (datetime(*until, tzinfo=UTC) if until else None)


@pytest.mark.parametrize(
    "text",
    [
        "I am on holiday until the 5th, can you keep it?",
        "I'm on holiday, I'll take it on Friday",
        "Is that desk for an office?",
        "I am away this weekend. Monday?",
        "Estoy de viaje, lo recojo el lunes",
        "Vuelvo el lunes, ¿sigue disponible?",
        "Je suis en vacances, je passe lundi",
        "Je reviens lundi avec l'argent",
        "On vacation this week, will be in touch Monday to collect it. 45 is fine.",
        "I'm on holiday until Sunday but yes, I'll take it for 40.",
        "Gracias por tu mensaje, estoy de viaje pero me lo quedo por 50",
        "The automatic response on the gear is fine, I'll buy",
        "nice out-of-office desk, I take it",
        "Merci pour votre message, je suis en vacances mais je le prends",
    ],
)
def test_a_person_who_is_away_has_written_all_the_same(text: str) -> None:
    assert out_of_office_in(text) is None
