"""What a counterpart says who wants no more messages, or who is away: in English, Spanish and French.

Half a guess errs towards silence: what is no clear note of absence counts as a reply, which ends a Sequence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

LONGEST_ABSENCE = timedelta(days=180)
"""A date farther away than this is not when somebody comes back."""
LIKELY_ABSENCE = timedelta(days=60)
"""What could be two dates is the later one that is within so long; and a day without a year may be so long ago."""

# Without accents and capitals, as `folded` leaves a text. A word that asks for something else in its place ("stop by",
# "planta baja") does not count: it must stand alone, or with what is to stop.
_WRITING = r"(?:messag\w*|writ\w*|contact\w*|e?-?mail\w*|text\w*|spam\w*|bother\w*|pester\w*|follow\w*)"
_ESCRIBIR = r"(?:escrib\w*|contact\w*|mensaje\w*|molest\w*|mand\w*|envi\w*|insist\w*)"
_ECRIRE = r"(?:ecri\w*|contact\w*|messag\w*|relanc\w*|envo\w*|derang\w*|harcel\w*)"
_OPT_OUT = (
    r"^\W*(?:please )?(?:stop|unsubscribe|opt[- ]?out|stop it|stop this|stop now)(?: please)?\W*$",
    r"^\W*(?:please )?stop[,.;!] ",
    rf"(?<!\bi )(?<!\bi'll )(?<!\bi will )(?<!\bwe'll )(?<!\blet's )\bstop {_WRITING}",
    r"(?<!\bi'll )(?<!\bi will )\bstop (?:sending|replying|responding|answering)(?: to)?"
    r" (?:me|us|(?:any |more |these |your |all ){0,2}(?:messages|reminders|emails|texts))\b",
    r"\b(?:please |to |want to |me )unsubscribe\b|\bunsubscribe (?:me|from|please)\b",
    r"\bopt(?:ing)? (?:me )?out\b(?! of)|\bopt(?:ing)? (?:me )?out of (?:\w+ ){0,2}"
    r"(?:this|these|messages|reminders|emails|texts|lists?|notifications)\b",
    r"\b(?:remove|delete|take) me (?:off|from|out of) (?:(?:\w+ ){0,3}(?:lists?|messages|reminders|contacts|database)"
    r"\b(?! (?:for|on)\b)|(?:this|these|here|it)\W*$)",
    r"\b(?:do not|don't|dont|never) (?:ever )?(?:contact|message|text|email|write(?: to)?|bother|spam) me\b"
    r"(?! (?:if|when|before|after|until|till|unless|between|during|while|today|tonight|tomorrow|late|on \w+day"
    r"|at (?:\d+|night|work|noon))\b)",
    r"\b(?:do not|don't|dont|never) (?:contact|message|text|email|write)(?: to)?(?: me| us)? (?:again|any ?more)\b",
    r"\b(?:do not|don't|dont) want (?:to (?:get|receive) )?(?:any )?(?:more )?(?:of (?:your|these) )?"
    r"(?:messages|reminders|emails|texts|follow[- ]?ups)\b",
    r"\bno more (?:messages|reminders|emails|texts|follow[- ]?ups)\b",
    r"\bleave me alone\b",
    r"^\W*(?:por favor,? )?(?:baja|alto|basta)\W*$",
    r"\b(?:dar(?:me|nos) de|de me de|deme de|quiero (?:la )?) ?baja\b",
    r"\bdar de baja mi (?:numero|correo|contacto|suscripcion|cuenta)\b",
    rf"\b(?:deja|dejad|dejar|dejen|deje|para|pare|paren) de {_ESCRIBIR}",
    r"\bno (?:me|nos) (?:escrib\w+|contact\w+|mand\w+|envi\w+|molest\w+)"
    r"(?: mas| nunca| otra vez)(?: mensajes?| correos?)?"
    r"(?=\W*$|[.,!;]| por favor)",
    r"\bno (?:quiero|deseo) (?:recibir )?(?:mas|ningun) (?:mensajes?|correos?|recordatorios?)\b",
    r"\bno mas (?:mensajes|correos|recordatorios)\b",
    r"\bno me (?:molestes|contactes|moleste|contacte)\b(?! (?:antes|hasta|por la))",
    r"\bdejame en paz\b|\bdejeme en paz\b",
    r"^\W*(?:s'il (?:vous|te) plait,? )?(?:arretez?|desabonner|desinscription|stop)(?:,? (?:svp|stp|merci))?\W*$",
    rf"\b(?:arretez?|cessez?|stop) de (?:m'|me |nous )?{_ECRIRE}",
    r"\bne (?:m'|me |nous )(?:ecri\w+|contact\w+|relanc\w+|envo\w+|derang\w+) (?:plus|jamais)\b",
    r"\b(?:me |m')?(?:desabonner|desinscrire)\b|\bdesabonnez[- ]moi\b|\bdesinscrivez[- ]moi\b",
    r"\bne plus (?:m'|me |nous )?(?:ecri\w+|contact\w+|relanc\w+|envoy\w+|derang\w+)",
    r"\bplus aucun message\b|\bplus de messages?,? (?:svp|stp|merci|s'il)\b",
    r"\bje ne (?:veux|souhaite) plus (?:recevoir (?:de|vos|aucun)|(?:de |de vos |vos |aucun )"
    r"(?:messages?|mails?|sms|relances?|rappels?)|etre (?:contact|relanc|derang))",
    r"\blaisse[zr]?[- ]moi tranquille\b|\bfiche[zr]?[- ]moi la paix\b",
)
_OPT_OUTS = re.compile("|".join(f"(?:{each})" for each in _OPT_OUT))

# What only a machine writes, or somebody who sets one up.
_OFFICE = (
    r"(?:out[- ]of[- ](?:the[- ])?office|fuera de (?:la )?oficina|absen(?:t|te|ce) du bureau|mensaje automatico"
    r"|message automatique)\b"
)
# It begins with that: in the middle of a text it is what the text is about.
_AUTOMATIC = re.compile(
    r"\W*(?:(?:this is an|esto es una|esta es una|ceci est une) )?"
    r"(?:auto(?:matic|mated)?[- ]?(?:reply|response)|respuesta automatica|reponse automatique)\b"
)
_OUT = re.compile(
    rf"\W*(?:(?:hi|hello|hola|bonjour)\b\W*)?(?:(?:this is an?|i am|i'm|i will be|we are|currently|estoy|este es un"
    rf"|je suis|ceci est un) )*{_OFFICE}"
)
# What people say, too: it counts together with a promise to answer later.
_AWAY = re.compile(
    r"\b(?:on (?:(?:annual |parental |sick )?leave|vacation|holidays?)|currently away|away until|away from)\b"
    r"|\b(?:de vacaciones|de baja (?:medica|laboral)|de viaje|ausente|fuera hasta)\b"
    rf"|\b{_OFFICE}"
    r"|\b(?:en vacances|en conges?|en deplacement|absente?s? (?:jusqu|du|actuellement|pour)|actuellement absente?)\b"
)
_LATER = re.compile(
    r"\b(?:will (?:reply|respond|answer|get back|be in touch)|(?:reply|respond|answer) (?:when|on my|upon|once|as soon)"
    r"|limited access|thank you for (?:your (?:message|e?-?mail)|contacting|writing|reaching))"
    r"|\b(?:(?:respondere|contestare|le escribire|te escribire)|(?:respondo|contesto) (?:a|cuando|al)|acceso limitado"
    r"|gracias por (?:su|tu) (?:mensaje|correo))\b"
    r"|\b(?:(?:vous |te |y )?repondrai|reponds? (?:a|des|lorsque|quand)|acces limite"
    r"|merci (?:de|pour) (?:votre|ton) (?:message|mail))"
)
# Whoever says so has answered, wherever they are.
_WANTED = re.compile(
    r"\b(?:take|collect|buy|keep) (?:it|them|both|this|that)\b|\byes\b|\bdeal\b"
    r"|\bi(?:'ll|'d| will| would)? (?:take|collect|buy|keep)\b(?! care)"
    r"|\b(?:me (?:lo|la|los|las) (?:quedo|llevo)|(?:lo|la|los|las) (?:quiero|compro|recojo|cojo)|trato hecho)\b|\bsi,"
    r"|\bje (?:(?:le|la|les) )?(?:prends|prendrai|garde|achete|acheterai)\b|\bj'achete|\boui\b|\bd'accord\b"
    r"|[€$£] ?\d|\b\d+(?:[.,]\d+)? ?(?:€|\$|£|(?:eur|euros?|usd|dollars?|pounds?)\b)"
    r"|\b\d+ (?:is|are|would be) (?:fine|ok|okay|good)\b"
    r"|\b(?:for|por|pour) \d+\b(?! ?(?:day|week|hour|month|dia|semana|hora|mes|jour|semaine|heure|mois))"
)

_MONTHS = (
    ("january", "jan", "enero", "ene", "janvier", "janv"),
    ("february", "feb", "febrero", "fevrier", "fevr"),
    ("march", "mar", "marzo", "mars"),
    ("april", "apr", "abril", "abr", "avril", "avr"),
    ("may", "mayo", "mai"),
    ("june", "jun", "junio", "juin"),
    ("july", "jul", "julio", "juillet", "juil"),
    ("august", "aug", "agosto", "ago", "aout"),
    ("september", "sept", "sep", "septiembre", "setiembre", "septembre"),
    ("october", "oct", "octubre", "octobre"),
    ("november", "nov", "noviembre", "novembre"),
    ("december", "dec", "diciembre", "dic", "decembre"),
)
_MONTH_OF = {name: number for number, names in enumerate(_MONTHS, start=1) for name in names}
_WEEKDAYS = (
    ("monday", "lunes", "lundi"),
    ("tuesday", "martes", "mardi"),
    ("wednesday", "miercoles", "mercredi"),
    ("thursday", "jueves", "jeudi"),
    ("friday", "viernes", "vendredi"),
    ("saturday", "sabado", "samedi"),
    ("sunday", "domingo", "dimanche"),
)
_WEEKDAY_OF = {name: number for number, names in enumerate(_WEEKDAYS) for name in names}
_NAMES = "|".join(sorted(_MONTH_OF, key=len, reverse=True))
_ISO = re.compile(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b")
_NUMBERS = re.compile(r"\b(\d{1,2})[./](\d{1,2})(?:[./](\d{4}|\d{2}))?\b")
_DAY_FIRST = re.compile(
    rf"\b(\d{{1,2}})(?:st|nd|rd|th|er)?\.? (?:of |de )?({_NAMES})\b\.?,?(?: (?:de |del )?(\d{{4}}))?"
)
_MONTH_FIRST = re.compile(rf"\b({_NAMES})\.? (\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (\d{{4}}))?")
_WEEKDAY = re.compile(rf"\b({'|'.join(_WEEKDAY_OF)})\b")
_THROUGH = re.compile(r"(?:\buntil|\btill|\bthrough|\bhasta|\bjusqu'?(?:au|a|en)?)[^.!?]*$")


@dataclass(frozen=True, kw_only=True)
class OutOfOffice:
    """A note of absence."""

    text: str

    def until(self, written_at: datetime, now: datetime) -> datetime | None:
        """The moment, in UTC, from which the counterpart is there again, as far as the text says; the last date in it.

        A date without a year is the nearest. What could be day and month either way is the later that is likely.
        """
        text = folded(self.text)
        found = [day for day in _dates(text, written_at.date()) if day > written_at.date()]
        latest = max(found, default=None)
        if latest is None or latest - written_at.date() > LONGEST_ABSENCE:
            return None
        return datetime.combine(latest, time.min, tzinfo=now.tzinfo)


def opt_out_in(text: str) -> str | None:
    """The words by which a counterpart asks for no more messages; None when there are none."""
    found = _OPT_OUTS.search(folded(text))
    return " ".join(found.group().split())[:80] if found else None


def out_of_office_in(text: str) -> OutOfOffice | None:
    """The note of absence that a Message is; None for what a person has written, however far away they are.

    Who asks something is there, and so is who names an amount or wants it.
    """
    plain = folded(text)
    if "?" in plain:
        return None
    away = _OUT.match(plain) or (_AWAY.search(plain) and _LATER.search(plain))
    if _AUTOMATIC.match(plain) or (away and not _WANTED.search(plain)):
        return OutOfOffice(text=text)
    return None


def folded(text: str) -> str:
    """A text without accents and capitals, on one line, with plain apostrophes."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("’", "'").replace("`", "'"))
    return " ".join("".join(each for each in decomposed if not unicodedata.combining(each)).split())


def _dates(text: str, today: date) -> Iterable[date]:
    """Every day that the text names; one that it reaches until is followed by the next."""
    for found in _ISO.finditer(text):
        yield from _day(found, int(found[1]), int(found[2]), int(found[3]), today)
    for found in _DAY_FIRST.finditer(text):
        yield from _day(found, found[3], _MONTH_OF[found[2]], int(found[1]), today)
    for found in _MONTH_FIRST.finditer(text):
        yield from _day(found, found[3], _MONTH_OF[found[1]], int(found[2]), today)
    for found in _NUMBERS.finditer(text):
        first, second = int(found[1]), int(found[2])
        both = [*_day(found, found[3], second, first, today), *_day(found, found[3], first, second, today)]
        yield from sorted(both, key=lambda day: (abs(day - today) <= LIKELY_ABSENCE, day))[-1:]
    for found in _WEEKDAY.finditer(text):
        day = today + timedelta(days=(_WEEKDAY_OF[found[1]] - today.weekday() - 1) % 7 + 1)
        yield day + timedelta(days=_through(found))


def _day(found: re.Match[str], year: str | int | None, month: int, day: int, today: date) -> Iterable[date]:
    number = int(year) if year is not None else today.year
    number += 2000 if number < 100 else 0
    try:
        named = date(number, month, day)
        if year is None and named < today - LIKELY_ABSENCE:
            named = named.replace(year=number + 1)
        reached = named + timedelta(days=_through(found))
    except (ValueError, OverflowError):
        return
    yield reached


def _through(found: re.Match[str]) -> int:
    """1 where the day itself is still one of absence."""
    return 1 if _THROUGH.search(found.string[: found.start()]) else 0
