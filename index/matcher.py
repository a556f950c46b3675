"""One listing against the index: candidates by embedding, hash and votes; each verified; color names the variant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import faiss
import numpy as np
from numpy.typing import NDArray

from domain.listing import Listing
from domain.match import Matches, PhotoMatch, Point
from index.agreement import compare, unwarp
from index.artifact import IndexArtifact
from index.build import CopyEmbedder
from index.calibration import LIKELY_COPY
from index.color import color_distances
from index.homography import Alignment, Matrix, Points, align, checked_alignment, corners_of, map_points
from index.local_features import mirrored, unit
from index.picture import Picture, pdq_distances, prepare
from index.preprocessing import query_views
from index.text import TextMatcher
from index.verification import Verifier, geometry_features
from store.images import RGB

Part = Literal["embedding", "hash", "votes", "color"]
"""A part of the matcher that can be left out to see what it is worth: a finder of candidates, or color's choice."""

_MOST_CANDIDATES = 8
_BY_EMBEDDING, _BY_HASH, _BY_VOTES = 4, 2, 6
_PDQ_NEAR = 70
"""Hamming distance of PDQ up to which a reference is a candidate (Facebook calls up to 31 a match)."""
_FEWEST_VOTES = 1.0
_SAME_COLOR = 2.0
"""RGB distance within which two variants cannot be told apart by color; the title decides."""
_MOST_POINTS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A reference that lies in a listing picture, with what the verifier weighs."""

    number: int
    """Position in the index's references."""
    alignment: Alignment
    features: NDArray[np.float32]
    """(10,) in the order of index.verification.FEATURE_NAMES."""
    confidence: float
    """The verifier's, 0 to 1."""
    color_distance: float
    similarity: float
    """Cosine of the best view."""


class Matcher:
    """Matches listings against one loaded index. Safe to share between threads."""

    def __init__(
        self,
        artifact: IndexArtifact,
        model: CopyEmbedder,
        verifier: Verifier,
        texts: TextMatcher,
        *,
        copy_from: float = LIKELY_COPY,
        without: frozenset[Part] = frozenset(),
    ) -> None:
        """`copy_from` is the confidence from which a pair is a match: what is less likely is no evidence.

        `without` names parts to leave out, for evaluations: what it serves with is everything.
        """
        self._copy_from, self._without = copy_from, without
        self.artifact, self._model, self.verifier, self._texts = artifact, model, verifier, texts
        self._size = model.size
        self._nearest = faiss.IndexFlatIP(artifact.arrays.embeddings.shape[1])
        self._nearest.add(artifact.arrays.embeddings)
        self._twins: dict[int, list[tuple[int, Matrix]]] = {}
        for (first, second), matrix in zip(
            artifact.arrays.twin_pairs.tolist(), artifact.arrays.twin_matrices, strict=True
        ):
            self._twins.setdefault(first, []).append((second, matrix))

    @property
    def model(self) -> CopyEmbedder:
        """What embeds pictures here."""
        return self._model

    def match(self, listing: Listing, pictures: Sequence[tuple[str, RGB]]) -> Matches:
        """Match a listing's (digest, decoded picture) pairs and its words."""
        texts = self._texts.match(listing)
        if not self.artifact.references:
            return Matches(texts=texts)
        named = {(text.rights_holder, text.reference_id): text.score + text.color_named for text in texts}
        photos = [match for sha256, rgb in pictures for match in self._match_picture(sha256, rgb, named)]
        photos.sort(key=lambda match: -match.score)
        return Matches(photos=tuple(photos), texts=texts, images_read=len(pictures))

    def candidates(self, rgb: RGB) -> list[list[Candidate]]:
        """Everything that aligns with one picture, twins together: what the verifier is trained on."""
        picture = prepare(rgb)
        return list(self._verified_groups(picture, self._similarities(rgb), self._hash_distances(picture)))

    def choose(
        self, group: Sequence[Candidate], named: Mapping[tuple[str, str], float] = MappingProxyType({})
    ) -> Candidate:
        """Of twins, the one whose color fits; between equals, the one that the title names."""
        best = min(candidate.color_distance for candidate in group)
        alike = [candidate for candidate in group if candidate.color_distance <= best + _SAME_COLOR]

        def rank(candidate: Candidate) -> tuple[float, float]:
            reference = self.artifact.references[candidate.number]
            return (named.get((reference.rights_holder, reference.reference_id), 0.0), -candidate.color_distance)

        return max(alike, key=rank)

    def _match_picture(self, sha256: str, rgb: RGB, named: dict[tuple[str, str], float]) -> list[PhotoMatch]:
        picture = prepare(rgb)
        similarities = self._similarities(rgb)
        hash_distances = self._hash_distances(picture)
        matches: dict[tuple[str, str], PhotoMatch] = {}
        for group in self._verified_groups(picture, similarities, hash_distances):
            for found in self._chosen(group, named):
                match = self._as_match(sha256, picture, found, int(hash_distances[found.number]))
                key = (match.rights_holder, match.reference_id)
                # a product may have several pictures, and the most promising is not always the one that was copied
                if key not in matches or match.score > matches[key].score:
                    matches[key] = match
        return [match for match in matches.values() if match.score >= self._copy_from]

    def _chosen(self, group: Sequence[Candidate], named: Mapping[tuple[str, str], float]) -> Iterator[Candidate]:
        """What `choose` chooses, then its equals of other rights holders: several may own one photograph."""
        nearest = min(candidate.color_distance for candidate in group)
        rest = [candidate for candidate in group if candidate.color_distance <= nearest + _SAME_COLOR]
        while rest:
            chosen = self.choose(rest, named)
            yield chosen
            rest = [candidate for candidate in rest if self._holder(candidate) != self._holder(chosen)]

    def _holder(self, candidate: Candidate) -> str:
        return self.artifact.references[candidate.number].rights_holder

    def _similarities(self, rgb: RGB) -> NDArray[np.float32]:
        """(references,) cosine of the best pair of views; -1 where the search did not reach."""
        if "embedding" in self._without:
            return np.full(len(self.artifact.references), -1.0, np.float32)
        vectors = self._model.embed(query_views(rgb, self._size))
        reach = min(len(self.artifact.arrays.embeddings), 16 * _BY_EMBEDDING)
        cosines, views = self._nearest.search(vectors, reach)
        best = np.full(len(self.artifact.references), -1.0, np.float32)
        np.maximum.at(best, self.artifact.arrays.view_owners[views.ravel()], cosines.ravel())
        return best

    def _hash_distances(self, picture: Picture) -> NDArray[np.int32]:
        """(references,) PDQ distance, the smaller of upright and mirrored."""
        hashes = self.artifact.arrays.pdq
        return np.minimum(pdq_distances(picture.pdq, hashes), pdq_distances(picture.pdq_mirrored, hashes))

    def _promising(
        self,
        similarities: NDArray[np.float32],
        hash_distances: NDArray[np.int32],
        votes: tuple[NDArray[np.float32], NDArray[np.float32]],
    ) -> list[int]:
        """Reference numbers, most promising first: each finder names its few, and local votes order them."""
        most_votes = np.maximum(*votes)
        by_votes = [n for n in np.argsort(-most_votes, kind="stable")[:_BY_VOTES] if most_votes[n] >= _FEWEST_VOTES]
        if "hash" in self._without:
            hash_distances = np.full_like(hash_distances, _PDQ_NEAR + 1)
        by_hash = [n for n in np.argsort(hash_distances, kind="stable")[:_BY_HASH] if hash_distances[n] <= _PDQ_NEAR]
        embedded = "embedding" not in self._without
        by_embedding = np.argsort(-similarities, kind="stable")[: _BY_EMBEDDING if embedded else 0]
        ordered = dict.fromkeys(int(n) for n in [*by_hash, *by_votes[:2], *by_embedding[:1], *by_votes, *by_embedding])
        return list(ordered)[:_MOST_CANDIDATES]

    def _verified_groups(
        self, picture: Picture, similarities: NDArray[np.float32], hash_distances: NDArray[np.int32]
    ) -> Iterator[list[Candidate]]:
        """Verified candidates, each with its twins; a twin of a verified one is not verified again."""
        descriptors = picture.features.unit_descriptors()
        listing = (picture.features.points, descriptors)
        count = len(self.artifact.references)
        if "votes" in self._without:
            votes = (np.zeros(count, np.float32), np.zeros(count, np.float32))
        else:
            vote = self.artifact.votes.vote
            votes = (vote(descriptors, count), vote(mirrored(descriptors), count))
        settled: set[int] = set()
        for number in self._promising(similarities, hash_distances, votes):
            if number in settled:
                continue
            alignment = self._align(number, listing, float(votes[0][number]), float(votes[1][number]))
            if alignment is None:
                continue
            group = self._with_twins(picture, number, alignment, similarities)
            settled.update(candidate.number for candidate in group)
            yield group

    def _align(
        self, number: int, listing: tuple[Points, NDArray[np.float32]], upright_votes: float, mirrored_votes: float
    ) -> Alignment | None:
        """Upright, mirrored, or both where the votes do not say which; the one with more votes first."""
        points, stored = self.artifact.features_of(number)
        size = self.artifact.references[number].size
        descriptors = unit(stored)
        ways = sorted(((upright_votes, False), (mirrored_votes, True)), key=lambda way: -way[0])
        for votes, flip in ways:
            if 2 * votes < ways[0][0]:
                break
            own = mirrored(descriptors) if flip else descriptors
            if found := align((points, own), listing, size, mirrored=flip):
                return found
        return None

    def _with_twins(
        self, picture: Picture, number: int, alignment: Alignment, similarities: NDArray[np.float32]
    ) -> list[Candidate]:
        """The candidate and its twins, all compared in the candidate's frame."""
        reference, thumb = self.artifact.references[number], self.artifact.thumb_of(number)
        seen, inside = unwarp(picture.rgb, alignment.matrix, reference.size, thumb)
        group = [(number, np.eye(3)), *self._twins.get(number, [])]
        aligned = np.stack([self._twin_thumb(thumb, number, other, matrix) for other, matrix in group])
        distances = [0.0] * len(group) if "color" in self._without else color_distances(aligned, seen, inside)
        candidates = []
        for (other, matrix), shown, distance in zip(group, aligned, distances, strict=True):
            carried = self._carry(alignment, matrix, other) if other != number else alignment
            if carried is None:
                continue
            features = geometry_features(carried, compare(shown, seen, inside), self.artifact.references[other].size)
            candidates.append(
                Candidate(
                    number=other,
                    alignment=carried,
                    features=features,
                    confidence=self.verifier.confidence(features),
                    color_distance=distance,
                    similarity=float(similarities[other]),
                )
            )
        return candidates

    def _twin_thumb(self, thumb: RGB, number: int, other: int, matrix: Matrix) -> RGB:
        """The twin's thumbnail in the frame of the candidate's."""
        if other == number:
            return thumb
        twin = self.artifact.references[other]
        shrink = np.diag([twin.thumb[0] / twin.size[0], twin.thumb[1] / twin.size[1], 1.0])
        seen, _ = unwarp(self.artifact.thumb_of(other), shrink @ matrix, self.artifact.references[number].size, thumb)
        return seen

    def _carry(self, alignment: Alignment, matrix: Matrix, other: int) -> Alignment | None:
        """The candidate's alignment, told for its twin."""
        return checked_alignment(
            alignment.matrix @ np.linalg.inv(matrix),
            map_points(matrix, alignment.reference_points),
            alignment.listing_points,
            self.artifact.references[other].size,
        )

    def _as_match(self, sha256: str, picture: Picture, found: Candidate, pdq_distance: int) -> PhotoMatch:
        reference = self.artifact.references[found.number]
        outline = map_points(found.alignment.matrix, corners_of(reference.size)) / picture.scale
        spread = np.unique(np.linspace(0, found.alignment.inliers - 1, _MOST_POINTS).astype(int))
        here = found.alignment.reference_points[spread] / reference.scale
        there = found.alignment.listing_points[spread] / picture.scale
        return PhotoMatch(
            image_sha256=sha256,
            reference_id=reference.reference_id,
            reference_sha256=reference.sha256,
            rights_holder=reference.rights_holder,
            brand=reference.brand,
            score=round(found.confidence, 6),
            mirrored=found.alignment.mirrored,
            outline=tuple(_point(corner) for corner in outline),
            points=tuple((_point(one), _point(other)) for one, other in zip(here, there, strict=True)),
            inliers=found.alignment.inliers,
            embedding_similarity=round(found.similarity, 4),
            pdq_distance=pdq_distance,
            color_distance=round(found.color_distance, 2),
        )


def _point(xy: NDArray[np.float32]) -> Point:
    return (round(float(xy[0]), 1), round(float(xy[1]), 1))
