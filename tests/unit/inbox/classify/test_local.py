from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.domain.classification import Asked, Correction, MessageType
from runner.inbox.classify import examples, local, model
from runner.inbox.classify.local import LocalClassifier

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ODD = "zaphod beeblebrox zaphod"


class Corrections(list[Correction]):
    async def __call__(self) -> Sequence[Correction]:
        return list(self)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A twentieth of what ships, so that training takes no time."""
    whole = examples._parse

    monkeypatch.setattr(examples, "_parse", lambda text: whole(text)[::20])


@pytest.mark.usefixtures("few")
async def test_it_trains_itself_where_there_is_no_model_and_again_where_the_file_is_of_no_use(tmp_path: Path) -> None:
    path = tmp_path / "models" / local.FILE
    [first] = await LocalClassifier(path.parent, Corrections()).classify([Asked(text="still available?")])
    assert path.exists()
    path.write_bytes(b"made by some other version")
    [second] = await LocalClassifier(path.parent, Corrections()).classify([Asked(text="still available?")])
    assert second == first
    assert model.load(path, examples.lessons()).version == first.by


@pytest.mark.usefixtures("few")
async def test_a_correction_counts_at_the_next_training_and_reaches_a_process_that_is_running(tmp_path: Path) -> None:
    corrections = Corrections()
    running = LocalClassifier(tmp_path, corrections)
    await running.train()
    corrections.append(Correction(id=1, message_id=1, text=ODD, type=MessageType.COMPLAINT, by="ana", at=NOON))
    [before] = await running.classify([Asked(text=ODD)])
    await LocalClassifier(tmp_path, corrections).train()
    [after] = await running.classify([Asked(text=ODD)])
    assert after.type is MessageType.COMPLAINT
    assert after.by != before.by


@pytest.mark.usefixtures("few")
async def test_a_folder_that_cannot_be_written_costs_only_the_time_to_train_again(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file where the folder should be")
    [found] = await LocalClassifier(tmp_path / "models", Corrections()).classify([Asked(text="thanks!")])
    assert found.by.startswith("local-")
