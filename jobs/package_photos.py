"""People's photographs of packages: five crops of each brand's mark are its references, the other photographs queries.

Shelves stand behind what is shown, with other brands of the catalog on them, which nobody labeled. So a brand that is
named besides the package's own is no measured error here; rejection is measured on photographs of other things.
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import numpy as np

from index.logo_index import LogoPicture
from index.logo_regions import cut
from jobs.evaluate_models.datasets import photos_by_class, read_photo
from jobs.logo_pictures import HOLDER, LogoScene, LogoSet
from training.splits import normalized_name

_LABELS = Path(__file__).with_name("package_marks.toml")
_GROCERIES = ("grocery/train", "grocery/val")


def package_set(
    data: Path, *, references: int = 5, a_brand: int = 20, without: int = 100, seed: int = 40_000
) -> LogoSet:
    """At most `a_brand` photographs of each brand, and `without` of clothes.

    Raises BadInput where the photographs are missing.
    """
    generator = np.random.default_rng(seed)
    labels: dict[str, dict[str, list[float]]] = tomllib.loads(_LABELS.read_text(encoding="utf-8"))
    groceries = photos_by_class(data, *_GROCERIES)
    folders = {normalized_name(photo.label): photo.label for photo in groceries}
    logos, scenes = [], []
    for brand, boxes in labels.items():
        for name, (left, top, right, bottom) in list(boxes.items())[:references]:
            crop = cut(read_photo(data / _GROCERIES[0] / name.rsplit("_", 1)[0] / name), (left, top, right, bottom))
            digest = hashlib.sha256(name.encode()).hexdigest()
            logos.append(LogoPicture(rights_holder=HOLDER, brand=brand, sha256=digest, rgba=crop))
        shown = [folders[label] for label in sorted(folders) if label.startswith(normalized_name(brand))]
        paths = [path for folder in _GROCERIES for label in shown for path in sorted((data / folder / label).glob("*"))]
        queries = [path for path in paths if path.name not in boxes or path.parent.parent.name != "train"]
        chosen = generator.permutation(len(queries))[:a_brand]
        scenes += [LogoScene(picture=read_photo(queries[number]), brand=brand) for number in chosen]
    clothes = photos_by_class(data, "clothing/test")
    for number in generator.permutation(len(clothes))[:without]:
        scenes.append(LogoScene(picture=clothes[number].read(), brand=None, kind="clothing"))
    return LogoSet(name=f"packages-{references}", logos=tuple(logos), scenes=tuple(scenes))
