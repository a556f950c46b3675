"""A listing's pictures out of evidence, and the reasons for those that cannot be read."""

from __future__ import annotations

from domain.errors import EvidenceCorrupt, ImageRefused, NotFound
from domain.listing import Listing, ListingImage, Unreadable
from domain.settings import Settings
from store.images import RGB, decode_image
from store.interfaces import EvidenceReader

NO_PICTURE = Unreadable(what="image", source="", reason="The listing has no picture.")


class ListingDecoder:
    """Decodes the pictures of one listing, which are all held at once: within the pixels that they may have together.

    A picture's header tells its size, so what is too much is refused before it is decoded.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings, self._left = settings, settings.max_listing_pixels

    def decode(self, content: bytes) -> RGB:
        """(height, width, 3) uint8. Raises ImageRefused."""
        picture = decode_image(
            content,
            max_bytes=self._settings.max_image_bytes,
            max_pixels=self._settings.max_image_pixels,
            pixels_left=self._left,
        )
        self._left -= picture.shape[0] * picture.shape[1]
        return picture


def read_pictures(
    listing: Listing, evidence: EvidenceReader, settings: Settings
) -> tuple[list[tuple[str, RGB]], tuple[Unreadable, ...]]:
    """((digest, picture) of each readable picture, what could not be read). A digest is read once.

    Raises StoreUnavailable: evidence that cannot be reached is no finding about the listing.
    """
    decoder, pictures = ListingDecoder(settings), dict[str, RGB]()
    unreadable: list[Unreadable] = []
    if not listing.images:
        unreadable.append(NO_PICTURE)
    for image in listing.images[: settings.max_listing_images]:
        if image.sha256 is None:
            unreadable.append(image.unreadable or _unreadable(image, "unknown"))
        elif image.sha256 not in pictures:
            try:
                pictures[image.sha256] = decoder.decode(evidence.read(image.sha256))
            except (ImageRefused, NotFound, EvidenceCorrupt) as error:
                unreadable.append(_unreadable(image, str(error)))
    unreadable += [
        _unreadable(image, f"more than {settings.max_listing_images} pictures; this one was not read")
        for image in listing.images[settings.max_listing_images :]
    ]
    return list(pictures.items()), tuple(unreadable)


def _unreadable(image: ListingImage, reason: str) -> Unreadable:
    return Unreadable(what="image", source=image.source, reason=reason)
