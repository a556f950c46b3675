"""A card says what the manifests and the measurements say, all of it, and refuses to speak for other models."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli.main import app
from domain.errors import BadInput, NotReady
from jobs.estimates import Estimate, share
from jobs.evaluate_models.figures import LeftOut, Measurement, ModelReport, exact
from jobs.model_cards.manifests import Figure, MeasurementFacts, file_facts
from jobs.model_cards.render import EVALUATION_FILE, render_cards, write_cards
from jobs.model_cards.tables import figure_text, measurement_table, weaknesses

MODELS = Path(__file__).resolve().parents[3] / "models"
NAMES = ("embedder.onnx", "embedder.json", "verifier.json", "combiner.onnx", "combiner.json")
SHA256 = "0" * 64


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    told = json.loads(path.read_text(encoding="utf-8"))
    change(told)
    path.write_text(json.dumps(told), encoding="utf-8")


def clip_manifest(folder: Path) -> None:
    """An embedder of three spaces and words, as `training.export` writes them; the files' contents do not matter."""
    for name in ("embedder.onnx", "text.onnx", "background.npz"):
        (folder / name).write_bytes(name.encode())
    text = {
        "input": "tokens",
        "output": "vectors",
        "dimensions": 256,
        "tokenizer": "bytes-v1",
        "context_length": 64,
    }
    told = {
        "name": "assayer-clip",
        **file_facts(folder / "embedder.onnx").model_dump(),
        "input": {"name": "pictures", "size": 160, "preprocessing": "squash-v1"},
        "outputs": {space: {"name": space, "dimensions": 256} for space in ("copy", "mark", "caption")},
        "text": file_facts(folder / "text.onnx").model_dump() | text,
        "background": file_facts(folder / "background.npz").model_dump(),
        "architecture": {"vision_cfg": {"timm_model_pretrained": False}},
        "parameters": {"image": 1_234_567, "text": 654_321},
        "license": "Apache-2.0",
        "data": {"clothing": {"title": "Clothes | by class", "repositories": ["a/b"], "license": "CC0-1.0"}},
        "splits": "by hash of the name",
        "command": "assayer train embedder --data DIR --steps 6000",
        "commit": None,
        "training": {
            "steps": 6000,
            "pictures": 1_728_000,
            "minutes": 61.4,
            "photographs": 1154,
            "marks": 2510,
            "left_out": {"product is in the test catalog": 385},
            "validation": {"copy_recall_at_1": 0.8125, "mark_recall_at_1": 0.6875, "step": 5750},
        },
        "parity": {"largest_difference": 3.1e-7, "tolerance": 1e-4},
    }
    (folder / "embedder.json").write_text(json.dumps(told), encoding="utf-8")


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    """A detector's manifest, as `training.detector_training` writes it; the file's content does not matter."""
    (tmp_path / "detector.onnx").write_bytes(b"detector")
    told = {
        "name": "assayer-logo-detector",
        **file_facts(tmp_path / "detector.onnx").model_dump(),
        "input": {"name": "pictures", "size": 320, "preprocessing": "letterbox-v1"},
        "outputs": {"boxes": "boxes", "scores": "scores"},
        "parameters": 765_432,
        "license": "Apache-2.0",
        "data": {"marks": {"title": "Marks", "repositories": ["c/d"], "license": "CC0-1.0"}},
        "splits": "by hash of the name",
        "command": "assayer train detector --data DIR --steps 2600 --seed 0 --from CHECKPOINT",
        "commit": "b" * 40,
        "training": {
            "recipe": {"size": 256, "start": {"sha256": "1" * 64}},
            "steps": 2600,
            "pictures": 41_600,
            "minutes": 30.2,
            "photographs": 1154,
            "cutouts": 1039,
            "marks": 2510,
            "left_out": {},
            "validation": {"recall": 0.8123, "recall_at_a_tenth": 0.6012, "step": 2500},
            "validated_on": "composed scenes of the validation split",
        },
        "parity": {"largest_difference": 2e-7, "tolerance": 1e-3},
    }
    (tmp_path / "detector.json").write_text(json.dumps(told), encoding="utf-8")
    return tmp_path


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """The committed models without what was measured."""
    for name in NAMES:
        shutil.copy(MODELS / name, tmp_path / name)
    for name in ("text.onnx", "background.npz"):
        if (MODELS / name).exists():
            shutil.copy(MODELS / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    clip_manifest(tmp_path)
    return tmp_path


def report(**models: str) -> ModelReport:
    """Drawn figures in the real report's form."""
    copies = {
        "verified": {
            "recall_at_1": share(97, 100),
            "micro_average_precision": Estimate(value=0.95, low=0.91, high=0.98),
        },
        "embedding": {
            "recall_at_1": share(80, 100),
            "micro_average_precision": Estimate(value=0.7, low=0.61, high=0.78),
        },
        "pdq": {"recall_at_1": share(30, 100), "micro_average_precision": Estimate()},
    }
    edits = {"crop": share(9, 10), "collage": share(2, 10), "flip": share(10, 10), "sticker": share(3, 10)}
    return ModelReport(
        models=models,
        measurements=(
            Measurement(
                name="copies_held_out",
                about="Which photo?",
                methods=copies,
                counts={"queries": 1234},
                notes=("a note to know",),
            ),
            Measurement(name="copies_by_edit", about="By edit.", methods={"embedding": edits}),
            Measurement(
                name="products_packages",
                about="The same goods?",
                methods={
                    "embedding_copy": {"recall_at_5": share(10, 40)},
                    "embedding_caption": {"recall_at_5": share(14, 40)},
                    "local_features": {"recall_at_5": share(31, 40)},
                    "chance": {"recall_at_5": exact(0.05)},
                },
            ),
            Measurement(name="size", about="Bytes.", methods={"together": {"bytes": exact(8_130_669)}}),
        ),
        left_out=(LeftOut(measurement="speed", method="eager_pytorch", reason="there is no torch"),),
        seconds={"copies": 12.3},
    )


def version(folder: Path) -> str:
    told = json.loads((folder / "embedder.json").read_text(encoding="utf-8"))
    return f"{told['name']}@{told['sha256'][:12]}"


def measure(folder: Path, **models: str) -> ModelReport:
    made = report(**models)
    (folder / EVALUATION_FILE).write_text(json.dumps(made.as_dict()), encoding="utf-8")
    return made


def test_every_figure_is_on_the_card_with_its_interval(clip: Path) -> None:
    made = measure(clip, embedder=version(clip))
    card = render_cards(clip)["embedder.md"]
    for told in made.as_dict()["measurements"].values():
        assert told["about"] in card
        assert all(f"- {note}\n" in card for note in told["notes"])
        for figures in told["methods"].values():
            assert all(figure_text(Figure.model_validate(figure)) in card for figure in figures.values())
    for words in (
        "0.970 (0.915 to 0.990)",
        "0.700 (0.610 to 0.780)",
        "8,130,669",
        "1,234 queries",
        "there is no torch",
    ):
        assert words in card


def test_a_card_names_its_files_contract_and_making(clip: Path) -> None:
    card = render_cards(clip)["embedder.md"]
    for name in ("embedder.onnx", "text.onnx", "background.npz", "embedder.json"):
        found = file_facts(clip / name)
        assert f"| `{name}` |" in card
        assert f"| {found.bytes:,} | `{found.sha256}` |" in card
    for told in (
        *("(n, 3, 160, 160) float32", "(n, 64) int64", "`bytes-v1`", "| `mark` | 256 |", "1,234,567", "1,728,000"),
        *("385 × product is in the test catalog", "copy recall at 1 0.812", "(step 5,750)", "By hash of the name."),
        *(
            "Clothes \\| by class",
            "CC0-1.0",
            "commit is not known",
            "No pre-trained weights",
            "no proof",
            "their owners",
        ),
        *("names no brand", "has not written figures"),
    ):
        assert told in card
    assert "\n\n\n" not in card
    assert card.endswith(".\n")


@pytest.mark.parametrize(
    ("commit", "said"),
    [
        ("a" * 40, f"commit `{'a' * 40}`."),
        ("a" * 40 + "-dirty", f"commit `{'a' * 40}` and changes to it that were not committed."),
        (None, "a copy without history, so that its commit is not known."),
    ],
)
def test_a_card_says_which_code_trained(clip: Path, commit: str | None, said: str) -> None:
    edit(clip / "embedder.json", lambda told: told.update(commit=commit))
    assert f"with the code of {said}\n" in render_cards(clip)["embedder.md"]


def test_a_detectors_card_names_its_contract_and_making(detector: Path) -> None:
    cards = render_cards(detector)
    assert set(cards) == {"detector.md"}
    card = cards["detector.md"]
    for told in (
        *("(n, 3, 320, 320) float32", "`letterbox-v1`", "`boxes` (n, p, 4)", "`scores` (n, p)", "765,432", "41,600"),
        *("recall 0.812, recall at a tenth 0.601", "step 2,500", "1" * 64, "b" * 40, "no finding", "knows no brand"),
        "has not written figures",
    ):
        assert told in card
    assert f"`{file_facts(detector / 'detector.onnx').sha256}`" in card
    edit(detector / "detector.json", lambda told: told["training"]["recipe"].update(start=None))
    assert "No pre-trained weights went into it." in render_cards(detector)["detector.md"]
    (detector / "detector.onnx").write_bytes(b"another")
    with pytest.raises(NotReady, match=r"detector\.onnx"):
        render_cards(detector)


@pytest.mark.parametrize("measured", [True, False])
def test_a_detectors_card_shows_the_boxes_of_its_own_figures(detector: Path, measured: bool) -> None:
    version = f"assayer-logo-detector@{file_facts(detector / 'detector.onnx').sha256[:12]}"
    boxes = Measurement(name="logo_boxes", about="Where?", methods={"detector": {"recall": share(3, 4)}})
    names = Measurement(name="naming", about="Whose?", methods={"all": {"top_1": share(1, 2)}})
    models = {"detector": version if measured else "other@0"}
    told = ModelReport(models=models, measurements=(boxes, names), left_out=(), seconds={})
    (detector / EVALUATION_FILE).write_text(json.dumps(told.as_dict()), encoding="utf-8")
    card = render_cards(detector)["detector.md"]
    assert ("Where?" in card) == measured
    assert ("has not written figures" in card) != measured
    assert "Whose?" not in card


def test_what_speaks_against_the_model_is_said(clip: Path) -> None:
    measure(clip, embedder=version(clip))
    card = render_cards(clip)["embedder.md"]
    assert "by embedding alone: collage 0.200" in card
    assert "sticker 0.300" in card
    assert "flip" not in card[card.index("fewest copies") : card.index("fewest copies") + 200]
    ahead = (
        "In `products_packages` a baseline is ahead: recall at 5, local features 0.775 (0.625 to 0.877) against 0.350"
    )
    assert ahead in card
    assert card.count("a baseline is ahead") == 1


def test_a_baseline_that_is_not_ahead_is_not_said_to_be() -> None:
    even = MeasurementFacts(
        about="",
        methods={"embedding": {"recall_at_1": Figure(value=0.5)}, "pdq": {"recall_at_1": Figure(value=0.5)}},
    )
    assert weaknesses({"copies": even}) == ()


def test_the_verifiers_card_repeats_what_it_decides(models: Path) -> None:
    from index.verification import load_verifier

    measure(models, embedder=version(models), verifier=load_verifier(models / "verifier.json").version)
    cards = render_cards(models)
    assert "0.970 (0.915 to 0.990)" in cards["verifier.md"]
    assert "The same goods?" not in cards["verifier.md"]
    assert "The same goods?" in cards["embedder.md"]


@pytest.mark.parametrize("wrong", [{"embedder": "other@0"}, {"verifier": "verifier@0"}, {}])
def test_figures_of_other_models_are_refused(models: Path, wrong: dict[str, str]) -> None:
    from index.verification import load_verifier

    right = {"embedder": version(models), "verifier": load_verifier(models / "verifier.json").version}
    measure(models, **(right | wrong if wrong else {}))
    with pytest.raises(BadInput, match=r"evaluation\.json: measures") as refusal:
        render_cards(models)
    assert "assayer evaluate models" in refusal.value.advice


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 1}', '{"format": 99, "models": {}, "measurements": {}}'])
def test_a_broken_report_is_refused(clip: Path, content: str) -> None:
    (clip / EVALUATION_FILE).write_text(content, encoding="utf-8")
    with pytest.raises(BadInput, match=r"evaluation\.json"):
        render_cards(clip)


@pytest.mark.parametrize("name", ["embedder.onnx", "text.onnx", "background.npz"])
def test_a_file_that_is_not_the_manifests_is_refused(clip: Path, name: str) -> None:
    (clip / name).write_bytes(b"another")
    with pytest.raises(NotReady, match=f"{name} is not the file"):
        render_cards(clip)
    (clip / name).unlink()
    with pytest.raises(NotReady, match=name):
        render_cards(clip)


@pytest.mark.parametrize("model", ["embedder", "verifier", "combiner"])
@pytest.mark.parametrize("field", ["license", "data", "splits", "command", "commit"])
def test_a_manifest_without_its_making_has_no_card(models: Path, model: str, field: str) -> None:
    edit(models / f"{model}.json", lambda told: told.pop(field))
    with pytest.raises(BadInput, match=field):
        render_cards(models)


def test_a_folder_without_models_is_not_ready(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="no model lies there"):
        render_cards(tmp_path)


def test_an_embedder_alone_has_a_card_alone(clip: Path) -> None:
    assert [path.name for path in write_cards(clip)] == ["embedder.md"]
    assert (clip / "embedder.md").read_text(encoding="utf-8") == render_cards(clip)["embedder.md"]


def test_nothing_is_written_where_one_card_cannot_be(models: Path) -> None:
    edit(models / "combiner.json", lambda told: told.pop("license"))
    with pytest.raises(BadInput):
        write_cards(models)
    assert not list(models.glob("*.md"))


def test_the_command_writes_them_and_refuses_what_is_no_folder(models: Path) -> None:
    done = CliRunner().invoke(app, ["models", "card", "--models", str(models), "--json"])
    assert done.exit_code == 0, done.output
    assert [Path(path).name for path in json.loads(done.stdout)["written"]] == [
        "embedder.md",
        "verifier.md",
        "combiner.md",
    ]
    assert not list(models.glob(".*"))
    refused = CliRunner().invoke(app, ["models", "card", "--models", str(models / "missing")])
    assert isinstance(refused.exception, BadInput)


@pytest.mark.parametrize(
    ("figure", "wanted"),
    [
        (None, ""),
        (Figure(), "not measured"),
        (Figure(value=0.0358), "0.036"),
        (Figure(value=0.5, low=0.5, high=0.5), "0.500"),
        (Figure(value=1.0, low=0.96, high=1.0), "1.000 (0.960 to 1.000)"),
        (Figure(value=1234.5, low=1200.0, high=1300.0), "1,234 (1,200 to 1,300)"),
    ],
)
def test_a_figure_reads_like_one(figure: Figure | None, wanted: str) -> None:
    assert figure_text(figure) == wanted


FIGURES = st.dictionaries(st.sampled_from("abcdefgh"), st.builds(Figure, value=st.floats(0, 1)), min_size=1)


@given(st.dictionaries(st.sampled_from(["embedding", "pdq", "untrained"]), FIGURES, min_size=1))
def test_a_table_holds_every_figure_once(methods: dict[str, dict[str, Figure]]) -> None:
    table = measurement_table(MeasurementFacts(about="", methods=methods))
    assert {len(row) for row in table.rows} == {len(table.header)}
    filled = [cell for row in table.rows for cell in row[1:] if cell]
    assert sorted(filled) == sorted(figure_text(figure) for found in methods.values() for figure in found.values())
