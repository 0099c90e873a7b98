"""A model's way from the folder to the answers: shadow, promotion, refusal, rollback; and calls that never fail."""

import asyncio
import json
import math
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import REGISTRY

from services.anomaly_service.batcher import Scored
from services.anomaly_service.comparison import Bounds
from services.anomaly_service.folder import ModelFolder
from services.anomaly_service.scorer import NoModel, Scorer
from services.anomaly_service.service import offered
from services.anomaly_service.swap import Plan, Swap, SwapRefused
from tests.unit.model import synthetic
from vigil.model import Model, load

ROWS = synthetic.features(200, seed=11).astype("<f4").tobytes()
WIDE = Bounds(
    rank_agreement_min=-1, severe_share_difference_max=1, unscorable_share_difference_max=1, time_ratio_max=99
)


@pytest.fixture
async def scorer(model_file: Path) -> AsyncIterator[Scorer]:
    made = Scorer(load(model_file))
    yield made
    await made.close()


def swap(scorer: Scorer, rows: int = 400, automatic: bool = False, bounds: Bounds = WIDE) -> Swap:
    return Swap(scorer, "first", load, Plan(rows=rows, seconds=0.0, automatic=automatic, bounds=bounds))


async def until(scorer: Scorer, condition: Callable[[], bool]) -> set[str]:
    """Live rows until the condition holds; the versions that answered them."""
    versions = set()
    async with asyncio.timeout(20):
        while not condition():
            scored = await scorer.score(ROWS, 200)
            assert scored.scores == scored.model.score(ROWS, 200)
            versions.add(scored.model.version)
    return versions


async def test_a_model_is_compared_and_then_promoted_on_command(scorer: Scorer, other_file: Path) -> None:
    made = swap(scorer)
    first, other = scorer.model, load(other_file)
    await made.offer("second", other_file)
    with pytest.raises(SwapRefused, match="not complete"):
        await made.promote()
    assert await until(scorer, lambda: made.candidate is not None and made.candidate.state == "ready") == {
        first.version  # type: ignore[union-attr]
    }
    report = await made.report()
    assert report["candidate"] == other.version
    assert report["comparison"]["rows"] >= 400
    mine, theirs = (np.frombuffer(m.score(ROWS, 200), "<f4").reshape(200, -1)[:, 0] for m in (scorer.model, other))
    expected = float(np.nanmean(theirs.astype(np.float64) - mine))
    assert report["comparison"]["scores"]["risk"]["difference"]["mean"] == pytest.approx(expected, abs=1e-6)
    await made.promote()
    assert (await scorer.score(ROWS, 200)).model.version == other.version
    assert made.previous == ("first", first)
    made.rollback()
    assert (await scorer.score(ROWS, 200)).model is first
    assert [event["result"] for event in made.history] == ["promoted", "rolled_back"]


async def test_within_bounds_it_takes_over_by_itself(scorer: Scorer, other_file: Path) -> None:
    made = swap(scorer, automatic=True)
    await made.offer("second", other_file)
    versions = await until(scorer, lambda: made.candidate is None)
    assert scorer.model is not None
    assert scorer.model.version == load(other_file).version
    assert made.history[-1]["reason"] == "within bounds"
    assert len(versions) <= 2


async def test_out_of_bounds_it_is_refused_with_the_reason(scorer: Scorer, other_file: Path) -> None:
    first = scorer.model
    made = swap(scorer, automatic=True, bounds=Bounds(rank_agreement_min=0.9999))
    await made.offer("second", other_file)
    await until(scorer, lambda: made.candidate is None)
    assert scorer.model is first
    assert made.history[-1]["result"] == "refused"
    assert "rank agreement" in made.history[-1]["reason"]


async def test_out_of_bounds_and_on_command_it_waits_and_may_be_forced(scorer: Scorer, other_file: Path) -> None:
    made = swap(scorer, bounds=Bounds(rank_agreement_min=0.9999))
    await made.offer("second", other_file)
    await until(scorer, lambda: made.candidate is not None and made.candidate.state == "out_of_bounds")
    with pytest.raises(SwapRefused, match="rank agreement"):
        await made.promote()
    await made.promote(force=True)
    assert made.source == "second"


async def test_what_cannot_be_loaded_is_refused_and_the_active_model_stays(
    scorer: Scorer, model_file: Path, other_file: Path, tmp_path: Path
) -> None:
    made = swap(scorer)
    altered = tmp_path / "altered"
    shutil.copytree(other_file.parent, altered)
    (altered / other_file.name).write_bytes(other_file.read_bytes() + b"\0")
    with pytest.raises(SwapRefused, match="sha256"):
        await made.offer("altered", altered / other_file.name)
    schema = tmp_path / "schema"
    shutil.copytree(other_file.parent, schema)
    manifest = json.loads((schema / "manifest.json").read_text())
    (schema / "manifest.json").write_text(json.dumps(manifest | {"schema": "0123456789abcdef"}))
    with pytest.raises(SwapRefused, match="feature schema"):
        await made.offer("schema", schema / other_file.name)
    assert await offered(made, "same", model_file), "refused for good: not offered again"
    assert "is the active model" in made.history[-1]["reason"]
    assert made.candidate is None
    assert [event["source"] for event in made.history] == ["altered", "schema", "same"]
    assert (await scorer.score(ROWS, 200)).model.version == load(model_file).version


async def test_a_candidate_that_fails_on_live_rows_is_refused_and_not_on_trial_for_ever(
    scorer: Scorer, other_file: Path
) -> None:
    class Failing(Model):
        def score(self, features: bytes, rows: int) -> bytes:
            raise RuntimeError("a shape that does not fit")

    failing = Failing(load(other_file).manifest, other_file.read_bytes())
    made = Swap(scorer, "first", lambda file: failing, Plan(rows=400, seconds=0.0, automatic=True, bounds=WIDE))
    await made.offer("second", other_file)
    await until(scorer, lambda: made.candidate is None)
    assert made.history[-1]["reason"] == "it cannot be compared: a shape that does not fit"


async def test_a_trial_that_ended_does_not_judge_the_one_after_it(scorer: Scorer, other_file: Path) -> None:
    made = swap(scorer, rows=10**9)
    await made.offer("second", other_file)
    assert made.candidate is not None
    ended = made.candidate.shadow
    assert ended is not None
    made.refuse("on command")
    await made.offer("third", other_file)
    ended._done(None)  # as its thread does when it was at its last rows
    await asyncio.sleep(0)
    assert made.candidate.state == "shadow"


async def test_a_rollback_ends_the_trial_beside_the_model_that_goes(
    scorer: Scorer, model_file: Path, other_file: Path
) -> None:
    made = swap(scorer)
    await made.offer("second", other_file)
    await made.promote(force=True)
    await made.offer("third", model_file)
    made.rollback()
    assert made.candidate is None, "what was compared was compared with the other"
    assert [event["result"] for event in made.history] == ["promoted", "refused", "rolled_back"]


async def test_a_batch_of_another_model_is_not_compared(scorer: Scorer, other_file: Path) -> None:
    made = swap(scorer)
    await made.offer("second", other_file)
    assert made.candidate is not None
    shadow, other = made.candidate.shadow, load(other_file)
    assert shadow is not None
    shadow._background.offer = lambda work: work() or True  # type: ignore[method-assign,func-returns-value]
    shadow.observe(ROWS, 200, Scored(other.score(ROWS, 200), other))
    assert shadow.comparison.rows == 0
    shadow.observe(ROWS, 200, await scorer.score(ROWS, 200))
    assert shadow.comparison.rows > 0
    made.close()


async def test_what_holds_no_model_is_turned_away_in_the_history(scorer: Scorer) -> None:
    made = swap(scorer)
    made.turn_away("broken", "manifest.json: truncated")
    assert [(event["source"], event["result"]) for event in made.history] == [("broken", "refused")]


async def test_one_trial_at_a_time_and_it_can_be_ended(scorer: Scorer, other_file: Path) -> None:
    made = swap(scorer)
    await made.offer("second", other_file)
    with pytest.raises(SwapRefused, match="second is on trial"):
        await made.offer("third", other_file)
    assert REGISTRY.get_sample_value("vigil_model_shadow_rank_agreement", {"score": "risk"}) is None
    await until(scorer, lambda: made.candidate is not None and made.candidate.state == "ready")
    assert REGISTRY.get_sample_value("vigil_model_shadow_rank_agreement", {"score": "risk"}) is not None
    made.refuse("on command")
    assert REGISTRY.get_sample_value("vigil_model_shadow_rank_agreement", {"score": "risk"}) is None
    assert math.isnan(REGISTRY.get_sample_value("vigil_model_shadow_time_ratio") or 0.0)
    for nothing in (made.promote, made.report):
        with pytest.raises(SwapRefused):
            await nothing()
    with pytest.raises(SwapRefused):
        made.refuse("again")
    with pytest.raises(SwapRefused):
        made.rollback()


async def test_without_a_model_the_first_that_comes_is_taken(other_file: Path) -> None:
    scorer = Scorer(None, problem="none")
    promoted: list[str] = []
    made = Swap(scorer, "first", load, Plan(), promoted.append)
    await made.offer("second", other_file)
    assert (await scorer.score(ROWS, 200)).model.version == load(other_file).version
    assert promoted == ["second"]
    await scorer.close()


async def test_a_trial_refused_while_it_loads_does_not_come_back(scorer: Scorer, other_file: Path) -> None:
    loading, go = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(file: Path) -> Model:
        loop.call_soon_threadsafe(loading.set)
        asyncio.run_coroutine_threadsafe(go.wait(), loop).result(10)
        return load(file)

    made = Swap(scorer, "first", slow, Plan())
    offer = asyncio.ensure_future(made.offer("second", other_file))
    await loading.wait()
    made.refuse("on command")
    go.set()
    with pytest.raises(SwapRefused):
        await offer
    assert made.candidate is None


async def test_what_comes_during_a_trial_waits_for_its_end(scorer: Scorer, tmp_path: Path, other_file: Path) -> None:
    folder, made = ModelFolder(tmp_path), swap(scorer)
    for second, name in enumerate(("a", "b", "c")):
        shutil.copytree(other_file.parent, tmp_path / name)
        os.utime(tmp_path / name / "manifest.json", (second, second))
    for look, waiting in enumerate((["b", "c"], ["b", "c"], ["c"], [])):
        if look > 1:
            made.refuse("on command")
        await folder.scan(lambda name, file: offered(made, name, file), made.turn_away)
        assert made.candidate is not None
        assert made.candidate.source == ("a", "a", "b", "c")[look]
        assert folder.waiting == waiting
    made.refuse("on command")
    await folder.scan(lambda name, file: offered(made, name, file), made.turn_away)
    assert made.candidate is None, "a directory is tried once"


async def test_without_a_model_rows_are_refused_with_the_reason() -> None:
    scorer = Scorer(None, problem="the file is gone")
    with pytest.raises(NoModel, match="the file is gone"):
        await scorer.score(ROWS, 200)
    await scorer.close()


async def test_a_batch_is_of_the_model_it_began_with(model_file: Path, other_file: Path) -> None:
    first, second = load(model_file), load(other_file)
    scorer = Scorer(None)

    class Swapping(Model):
        def score(self, features: bytes, rows: int) -> bytes:
            scorer.model = second  # a promotion in the middle of a batch
            return super().score(features, rows)

    began = Swapping(first.manifest, model_file.read_bytes())
    scorer.model = began
    scored = await scorer.score(ROWS, 200)
    assert (scored.model, scored.scores) == (began, first.score(ROWS, 200))
    assert (await scorer.score(ROWS, 200)).model is second
    await scorer.close()
