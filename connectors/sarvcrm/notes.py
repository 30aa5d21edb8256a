"""Comments and files of a record: notes that hang on it, since the document takes both with a new record only (a file by multipart).

Of the calls it names and does not describe (“Leave a Comment”, “Get Resource Attachment”) nothing public tells more (facts §1.1), so
none is guessed: a file is fetched by the call that a person has named in the connection's settings.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import unquote

from connectors.errors import ProtocolError, RecordInvalid, Unsupported
from connectors.http import Answer
from connectors.query import And, Condition, Op
from connectors.types import JSON, FileContent, FileInfo, ModuleSchema, Record, Values
from connectors.wording import text as _

NOTES, FILE_FIELD = "Notes", "filename"
MOST_BYTES = 20 * 1024 * 1024  # of a file; the vendor tells no limit, and refuses what is above its own (code 16)
OCTETS = "application/octet-stream"
CONTENTS = ("filecontents", "file_contents", "contents", "content", "file", "data")
NAME_IN_HEADER = re.compile(r"filename\*=UTF-8''([^;]+)|filename=\"?([^\";]+)\"?", re.IGNORECASE)


def on(module: str, id: str) -> And:
    """Return the filter of the notes that hang on a record."""
    return And((Condition("parent_type", Op.EQ, (module,)), Condition("parent_id", Op.EQ, (id,))))


def note_on(schema: ModuleSchema, module: str, id: str, text: str) -> Values:
    """Return a new note with that text, which is named by its first line. Raises RecordInvalid for a text of nothing, and
    where the server tells that no note hangs on records of that module."""
    words, parents, name = text.strip(), schema.field("parent_type"), schema.field("name")
    if not words:
        raise RecordInvalid(_("Nothing was sent: the text is empty."), fields={"description": _("is required")})
    if parents and parents.choices and module not in {choice.value for choice in parents.choices}:
        told = _("SarvCRM keeps no notes on %(module)s. Nothing was sent.", module=module)
        raise RecordInvalid(told, fields={"parent_type": told})
    longest = (name and name.max_length) or 255
    return {"name": words.splitlines()[0][:longest], "description": words, "parent_type": module, "parent_id": id}


def check_size(file: FileContent) -> None:
    """Raise RecordInvalid for a file that is too large to be sent."""
    if len(file.content) > MOST_BYTES:
        problem = _("is larger than %(limit)s MB", limit=MOST_BYTES // 2**20)
        sentence = _("The file %(name)s %(problem)s. Nothing was sent.", name=file.name[:100], problem=problem)
        raise RecordInvalid(sentence, fields={FILE_FIELD: problem})


def infos(records: Sequence[Record]) -> Iterator[FileInfo]:
    """Yield the files of these records; the id of a file is that of its note. Its size and type are told nowhere."""
    for record in records:
        if name := record.values.get(FILE_FIELD):
            yield FileInfo(record.id, str(name))


def unnamed(label: str) -> Unsupported:
    """Return the error where nobody has named the call that sends a file."""
    return Unsupported(
        _(
            "%(crm)s cannot %(what)s.",
            crm=label,
            what=_(
                "download files until its call for that is named in the connection's settings, since its document does not tell it; "
                "the note with the file can be opened in SarvCRM itself"
            ),
        )
    )


def content(answer: Answer, told: JSON, file_id: str) -> FileContent:
    """Return the file in an answer: its bytes, or JSON that holds them in base64. Raises ProtocolError for anything else."""
    if told is None:
        kind = str(answer.headers.get("Content-Type") or "").partition(";")[0].strip()
        return FileContent(named_in(answer) or file_id, answer.body, kind or OCTETS)
    row = told[0] if isinstance(told, list) and told else told
    parts: Mapping[str, JSON] = row if isinstance(row, Mapping) else {"content": row}
    held = next((parts[name] for name in CONTENTS if isinstance(parts.get(name), str)), None)
    try:
        if held is None:
            raise ValueError
        name = str(parts.get("filename") or parts.get("name") or file_id)
        kind = str(parts.get("filetype") or parts.get("file_mime_type") or OCTETS)
        return FileContent(name, b64decode("".join(held.split()), validate=True), kind)
    except (ValueError, binascii.Error) as e:
        raise ProtocolError(_("SarvCRM's answer holds no file in a form this portal can read.")) from e


def named_in(answer: Answer) -> str:
    """Return the file's name as the answer's header has it, the one in any letters first; "" where it has none."""
    found = NAME_IN_HEADER.findall(str(answer.headers.get("Content-Disposition") or ""))
    return next((unquote(name) for name, _plain in found if name), "") or next((plain for _, plain in found), "")
