"""One folder per notice with everything a platform or a court asks for, written whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from domain.errors import EvidenceCorrupt, NoticeIncomplete
from domain.notice import LintFinding, Notice
from store.interfaces import EvidenceReader
from takedown.backing import Backing
from takedown.dsa import ProofFile, dsa_json, dsa_notice
from takedown.email import notice_email, subject_line
from takedown.enclosure import Enclosure, enclose
from takedown.letter import letter_pdf
from takedown.lint import lint
from takedown.manifest import MANIFEST, FolderWriter, safe_names, verify_export
from takedown.wording import visible


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportedNotice:
    """What an export left behind."""

    notice_id: str
    folder: Path
    draft: bool
    """True: marked DRAFT, because it was asked for; `findings` say what is missing, if anything."""
    findings: tuple[LintFinding, ...]
    file_count: int
    """Files in the manifest, itself not counted."""
    changed: bool
    """False: the same notice lay there already, every byte of it."""


def export_notice(
    notice: Notice,
    backing: Backing,
    *,
    evidence: EvidenceReader,
    folder: Path,
    prepared_on: date,
    as_draft: bool = False,
) -> ExportedNotice:
    """Write ``folder/<notice_id>/`` (docs/formats-notices.md lists its files); equal input gives equal bytes.

    The folder appears whole or not at all; an earlier export of the same notice is replaced only where it differs.
    Raises NoticeIncomplete when the lint finds something and `as_draft` is not asked for, EvidenceCorrupt when
    stored evidence does not hash to its name.
    """
    findings = lint(notice, backing, evidence)
    if findings and not as_draft:
        raise NoticeIncomplete(_complaint(notice, findings), advice="Complete it, or export it as a draft.")
    name = safe_names([notice.notice_id])[notice.notice_id]
    partial = folder / f".{name}.partial"
    _remove(partial)
    partial.mkdir(parents=True)
    writer = FolderWriter(partial)
    manifest, count = _fill(writer, notice, backing, evidence, prepared_on, findings, as_draft)
    return ExportedNotice(
        notice_id=notice.notice_id,
        folder=folder / name,
        draft=as_draft,
        findings=findings,
        file_count=count,
        changed=_put_in_place(partial, folder / name, manifest),
    )


def _fill(
    writer: FolderWriter,
    notice: Notice,
    backing: Backing,
    evidence: EvidenceReader,
    prepared_on: date,
    findings: Sequence[LintFinding],
    as_draft: bool,
) -> tuple[bytes, int]:
    """Evidence first, then the documents that cite it, then the manifest; its bytes, and how many files it names."""
    names = safe_names(item.listing_id for item in notice.items)
    enclosed: dict[str, Enclosure] = {}
    for item in notice.items:
        if item.listing_id in backing.listings and item.listing_id not in enclosed:
            place = f"evidence/{names[item.listing_id]}"
            enclosed[item.listing_id] = enclose(item, backing, evidence, writer, place)
    proof: dict[str, Sequence[ProofFile]] = {key: enclosure.files for key, enclosure in enclosed.items()}
    document = dsa_notice(notice, backing, prepared_on=prepared_on, proof=proof, findings=findings, as_draft=as_draft)
    as_json = dsa_json(document)
    pictures = {visible(key): one.picture for key, one in enclosed.items() if one.picture is not None}
    letter = letter_pdf(document, pictures, subject=subject_line(document))
    writer.write("notice.json", as_json)
    writer.write("letter.pdf", letter)
    writer.write("mail.eml", notice_email(document, letter=letter, notice_json=as_json))
    return writer.close(_facts(document, findings, enclosed)), sum(len(files) for files in proof.values()) + 3


def _facts(document: dict[str, Any], findings: Sequence[LintFinding], enclosed: dict[str, Enclosure]) -> dict[str, Any]:
    return {
        **{key: document[key] for key in ("notice_id", "case_id", "status", "draft", "prepared_on")},
        "template_version": document["template_version"],
        "lint": document["lint"] if findings else [],
        "notes": [
            {"listing_id": visible(key), "note": visible(note)}
            for key, enclosure in enclosed.items()
            for note in enclosure.notes
        ],
    }


def _put_in_place(partial: Path, target: Path, manifest: bytes) -> bool:
    """Make `partial` the notice's folder unless the same already lies there; whether anything changed."""
    replaced = target.with_name(f".{target.name}.replaced")
    _remove(replaced)
    if _is_intact(target, manifest):
        _remove(partial)
        return False
    if target.exists() or target.is_symlink():
        target.rename(replaced)
    partial.rename(target)
    _remove(replaced)
    return True


def _is_intact(target: Path, manifest: bytes) -> bool:
    try:
        verify_export(target)
        return (target / MANIFEST).read_bytes() == manifest
    except (EvidenceCorrupt, OSError):
        return False


def _remove(path: Path) -> None:
    """A left-over of a process that was killed, or what has just been replaced."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def _complaint(notice: Notice, findings: Sequence[LintFinding]) -> str:
    shown = "; ".join(f"{finding.field} {finding.reason}" for finding in findings[:5])
    more = f"; and {len(findings) - 5} more" if len(findings) > 5 else ""
    return f"notice {visible(notice.notice_id)}: {shown}{more}"
