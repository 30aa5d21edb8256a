"""Files that hang on a record: at Vtiger each is a record of Documents, related to the other, with an attachment (D19)."""

from __future__ import annotations

import binascii
from base64 import b64decode

from connectors.errors import ProtocolError, RecordInvalid, RecordNotFound
from connectors.types import JSON, FileContent, FileInfo
from connectors.vtiger.client import VtigerClient
from connectors.vtiger.rows import id_of
from connectors.wording import text as _

DOCUMENTS = "Documents"
FOLDERS = "DocumentFolders"
STORED_THERE = "I"  # filelocationtype of a file that Vtiger keeps; "E" is only a link
MAX_UPLOAD = 3 * 1024 * 1024  # bytes; `upload_maxsize` as Vtiger is shipped


def infos(documents: list[dict[str, JSON]]) -> list[FileInfo]:
    """Return the files among these rows of Documents; the id of a file is that of its document."""
    return [info(row) for row in documents if row.get("filelocationtype") == STORED_THERE and row.get("filename")]


def info(document: dict[str, JSON]) -> FileInfo:
    """Return what a document says of its file."""
    size = str(document.get("filesize") or "")
    return FileInfo(
        id_of(document),
        str(document["filename"]),
        int(size) if size.isdecimal() else None,
        str(document.get("filetype") or ""),
    )


def download(client: VtigerClient, id: str) -> FileContent:
    """Return the file of a document. Raises RecordNotFound when there is none, ProtocolError when it is damaged."""
    attachment = str(client.retrieve(id).get("imageattachmentids") or "").split(",")[0].strip()
    found = client.files_retrieve(attachment) if attachment else []
    if not found:
        raise RecordNotFound(_("The document %(id)s holds no file.", id=id))
    try:
        content = b64decode(str(found[0].get("filecontents") or ""), validate=True)
    except binascii.Error as e:
        raise ProtocolError(_("The server sent the file of document %(id)s damaged.", id=id)) from e
    return FileContent(
        str(found[0].get("filename") or id), content, str(found[0].get("filetype") or "application/octet-stream")
    )


def check_size(file: FileContent) -> None:
    """Raise RecordInvalid for a file that is too large to be sent."""
    if len(file.content) > MAX_UPLOAD:
        problem = _("is larger than the %(limit)s MB the server takes", limit=MAX_UPLOAD // 2**20)
        sentence = _("“%(field)s” %(problem)s. Nothing was sent.", field=file.name, problem=problem)
        raise RecordInvalid(sentence, fields={"filename": problem})


def upload(client: VtigerClient, file: FileContent, folder_id: str) -> FileInfo:
    """Make a document of a file and return it."""
    element = {
        "notes_title": file.name,
        "filelocationtype": STORED_THERE,
        "filestatus": "1",
        "folderid": folder_id,
        "assigned_user_id": client.user_id(),
    }
    part = {"filename": (file.name, file.content, file.content_type)}
    return info(client.create(DOCUMENTS, element, part))
