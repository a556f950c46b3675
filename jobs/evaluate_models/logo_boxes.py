"""Where does any mark stand? Boxes of the detector beside boxes that learned nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

import cv2
import numpy as np
from numpy.typing import NDArray

from index.logo_detector import SAME_MARK, Boxes, LogoBoxes, Scores, keep_boxes
from jobs.estimates import Estimate
from jobs.evaluate_models.bench import Bench
from jobs.evaluate_models.datasets import Photo, photos_by_class
from jobs.evaluate_models.figures import Measurement
from jobs.evaluate_models.logo_eyes import open_detector
from jobs.evaluate_models.marks import GROUNDS, UNSEEN_MARKS, unseen_marks
from jobs.evaluate_models.retrieval import Weights, over_queries
from jobs.logo_pictures import badge_set, badges_by_make
from store.images import RGB

COMPOSED_SCENES = 120
COMPOSED_SIDE = 512
BADGES_A_MAKE, PHOTOGRAPHS_A_MAKE = 5, 4
FALSE_BOXES = (1.0, 0.1)
"""A picture, in the mean."""
_SURROUNDINGS = 0.3
"""Of a badge photograph's sides, what is put around it on each."""
_GRID_SHARES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18)
"""Of the shorter side: squares of the coarse grid, half overlapping."""
_MSER_SIDE, _MOST_REGIONS = 480, 500
_SEED = 50_000
_NOTES = (
    "a box is right where it overlaps a true one by half (intersection over union); a second box on it is a false one",
    "photographs bear prints and letters that nobody labeled; a box on one counts as false, for every method",
)

FindBoxes = Callable[[RGB], tuple[Boxes, Scores]]
"""A picture to boxes (n, 4) in its pixels and scores (n,), best first."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BoxedPicture:
    """A photograph and where marks stand in it."""

    picture: RGB
    boxes: Boxes


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Judged:
    """Boxes of all pictures, best first."""

    pictures: NDArray[np.int64]
    """(boxes,) whose box it is."""
    right: NDArray[np.bool_]
    """(boxes,)."""
    last_of_tie: NDArray[np.int64]
    """(boxes,) the last box that scores alike: a threshold takes in all of them."""
    wanted: NDArray[np.int64]
    """(pictures,) true boxes of each."""


def measure_logo_boxes(bench: Bench) -> list[Measurement]:
    """On composed scenes, on badges set into photographs, and on photographs of badges."""
    methods: dict[str, FindBoxes] = {"coarse_grid": grid_boxes, "mser": mser_boxes}
    detector = open_detector(bench)
    if detector is None:
        bench.leave_out("logo_boxes", "detector", "there is no detector")
    else:
        methods = {"detector": lambda rgb: _detected(detector.detect([rgb])[0]), **methods}
    measured = []
    if find_spec("torch") is None or find_spec("resvg_py") is None:
        bench.leave_out("logo_boxes_composed", None, "composing needs torch and resvg-py: pip install 'assayer[train]'")
    else:
        measured.append(
            _measured(bench, "composed", "marks of unseen brands on composed photographs", composed(bench), methods)
        )
    scenes = badge_set(bench.data, "test", a_make=BADGES_A_MAKE, without=3 * 2 * BADGES_A_MAKE).scenes
    badges = [BoxedPicture(picture=s.picture, boxes=np.array([s.box], np.float32)) for s in scenes if s.box]
    about = "real badges in whole photographs, 8 to 60 % of their width"
    measured.append(_measured(bench, "badges", about, badges, methods))
    about = "real badges that fill most of their photograph"
    measured.append(_measured(bench, "car_logos", about, badge_photographs(bench), methods))
    return measured


def _detected(found: LogoBoxes) -> tuple[Boxes, Scores]:
    return found.boxes, found.scores


def composed(bench: Bench) -> list[BoxedPicture]:
    """Scenes with none to four marks of the test split, on photographs of the test split."""
    from training.logo_scenes import held_out_scenes

    names, masks = unseen_marks(bench.data / "marks" / "svg", UNSEEN_MARKS)
    photos = [photo.read() for photo in photos_by_class(bench.data, GROUNDS)]
    scenes = held_out_scenes(masks, names, photos, seed=_SEED, count=COMPOSED_SCENES, size=COMPOSED_SIDE)
    return [BoxedPicture(picture=scene.picture, boxes=scene.boxes) for scene in scenes]


def badge_photographs(bench: Bench) -> list[BoxedPicture]:
    """Of the makes that measure: the photograph with its own edges, mirrored outward and blurred, around it."""
    generator = np.random.default_rng(_SEED)
    chosen: list[Photo] = []
    for photos in badges_by_make(bench.data, "test").values():
        chosen += [photos[number] for number in generator.permutation(len(photos))[:PHOTOGRAPHS_A_MAKE]]
    return [surrounded(photo.read()) for photo in chosen]


def surrounded(rgb: RGB) -> BoxedPicture:
    """A tightly cut photograph with soft surroundings, so that there is something that its box leaves out."""
    height, width = rgb.shape[:2]
    across, down = (min(round(_SURROUNDINGS * side), side - 1) for side in (width, height))
    wide = cv2.copyMakeBorder(rgb, down, down, across, across, cv2.BORDER_REFLECT_101)
    soft = cv2.GaussianBlur(wide, (0, 0), 0.08 * max(width, height))
    soft[down : down + height, across : across + width] = rgb
    box = (across, down, across + width, down + height)
    return BoxedPicture(picture=np.asarray(soft, np.uint8), boxes=np.array([box], np.float32))


def _measured(
    bench: Bench, name: str, about: str, pictures: Sequence[BoxedPicture], methods: Mapping[str, FindBoxes]
) -> Measurement:
    figures: dict[str, dict[str, Estimate]] = {}
    for method, find in methods.items():
        found = []
        for done, one in enumerate(pictures, start=1):
            found.append(find(one.picture))
            bench.progress(f"boxes {name}, {method}", done, len(pictures))
        judged = judge(found, [one.boxes for one in pictures])
        figures[method] = {
            f"recall_at_{rate:g}_false": over_queries(partial(recall_at, judged, rate), len(pictures))
            for rate in FALSE_BOXES
        }
    return Measurement(
        name=f"logo_boxes_{name}",
        about=f"Boxes of {about}: recall at as many false boxes a picture, in the mean.",
        methods=figures,
        counts={"pictures": len(pictures), "marks": sum(len(one.boxes) for one in pictures)},
        notes=_NOTES,
    )


def judge(found: Sequence[tuple[Boxes, Scores]], truths: Sequence[Boxes]) -> Judged:
    """Each true box is found once, by the best box that fits it."""
    pictures, scores, right = [], [], []
    for number, ((boxes, told), truth) in enumerate(zip(found, truths, strict=True)):
        free = np.ones(len(truth), bool)
        for box, score in zip(boxes, told, strict=True):
            fits = np.where(free, overlaps(box, truth), 0.0)
            hit = bool(len(fits) and fits.max() >= SAME_MARK)
            if hit:
                free[fits.argmax()] = False
            pictures.append(number)
            scores.append(float(score))
            right.append(hit)
    falling = -np.array(scores, np.float64)
    order = np.argsort(falling, kind="stable")
    return Judged(
        pictures=np.array(pictures, np.int64)[order],
        right=np.array(right, bool)[order],
        last_of_tie=np.searchsorted(falling[order], falling[order], side="right") - 1,
        wanted=np.array([len(truth) for truth in truths], np.int64),
    )


def recall_at(judged: Judged, false_boxes: float, weights: Weights) -> float:
    """At the lowest score that lets `false_boxes` a picture through. Raises ValueError where there is no mark."""
    marks = float(weights @ judged.wanted)
    if not marks:
        raise ValueError("no mark: recall is undefined")
    counted = weights[judged.pictures]
    wrong = np.cumsum(np.where(judged.right, 0.0, counted))[judged.last_of_tie]
    allowed = wrong <= false_boxes * float(weights.sum())
    return float(np.where(judged.right & allowed, counted, 0.0).sum() / marks)


def overlaps(box: NDArray[np.float32], others: Boxes) -> NDArray[np.float64]:
    """Intersection over union of a box (4,) with others (k, 4)."""
    shared = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    common = np.clip(shared, 0, None).prod(axis=1).astype(np.float64)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    return np.asarray(common / np.maximum(areas - common, 1e-6), np.float64)


def grid_boxes(rgb: RGB) -> tuple[Boxes, Scores]:
    """Squares of several sizes, half overlapping, by how much larger their share of the edges is than of the area."""
    height, width = rgb.shape[:2]
    edges = cv2.integral((cv2.Canny(rgb, 80, 200) > 0).astype(np.uint8))
    boxes = []
    for share in _GRID_SHARES:
        side = max(4, round(share * min(height, width)))
        for top in _steps(height, side):
            boxes += [(left, top, left + side, top + side) for left in _steps(width, side)]
    left, top, right, bottom = np.array(boxes).T
    inside = edges[bottom, right] - edges[top, right] - edges[bottom, left] + edges[top, left]
    gained = inside / max(int(edges[-1, -1]), 1) - (right - left) * (bottom - top) / (width * height)
    return keep_boxes(np.array(boxes, np.float32), np.asarray(gained * 0.45 + 0.5, np.float32), (width, height))


def mser_boxes(rgb: RGB) -> tuple[Boxes, Scores]:
    """Maximally stable regions and groups of neighbors in a row, by how often nearly the same box comes up."""
    height, width = rgb.shape[:2]
    scale = min(1.0, _MSER_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    gray = cv2.cvtColor(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    _, found = cv2.MSER.create().detectRegions(gray)
    if not len(found):
        return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in found[:: -(-len(found) // _MOST_REGIONS)]], np.float32)
    boxes /= np.float32(scale)
    boxes = np.concatenate([boxes, _rows_of(boxes)])
    support = np.array([(overlaps(box, boxes) > SAME_MARK).sum() for box in boxes], np.float32)
    return keep_boxes(boxes, support / (support + 10), (width, height))


def _rows_of(boxes: Boxes) -> Boxes:
    """Boxes around regions of like height that stand beside each other, as letters do."""
    heights = boxes[:, 3] - boxes[:, 1]
    rows = []
    for box, height in zip(boxes, heights, strict=True):
        like = (heights > 0.6 * height) & (heights < 1.6 * height)
        level = np.abs(boxes[:, 1] + boxes[:, 3] - box[1] - box[3]) < 0.8 * height
        near = like & level & (np.abs(boxes[:, 0] + boxes[:, 2] - box[0] - box[2]) < 8 * height)
        rows.append((*boxes[near, :2].min(axis=0), *boxes[near, 2:].max(axis=0)))
    return np.array(rows, np.float32).reshape(-1, 4)


def _steps(length: int, side: int) -> list[int]:
    return sorted(
        {min(start, length - side) for start in range(0, length - side + max(1, side // 2), max(1, side // 2))}
    )
