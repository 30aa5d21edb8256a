"""Three calls the document names among its examples without a word on them: survey questions, an attachment, a comment. Their
method names and bodies here are ours; nothing public shows the real ones (facts §1.1)."""

from __future__ import annotations

from base64 import b64decode
from typing import Any
from urllib.parse import quote

from connectors.sandbox.sarvcrm.crm import Crm
from connectors.sandbox.sarvcrm.errors import SarvError
from connectors.sandbox.sarvcrm.schema import MODULES, Module
from connectors.sandbox.wire import Reply

JSON = Any
SURVEYED = ("Cases", "Communications")


def survey_questions(crm: Crm, module: Module, record_id: str) -> list[JSON]:
    """Raises SarvError 400/22, 400/30 for a module without surveys."""
    if module.name not in SURVEYED:
        raise SarvError("400/30")
    crm.row(module, record_id)
    question = {"id": "1", "question": "از پاسخ ما راضی هستید؟", "type": "radio", "answers": ["بله", "خیر"]}
    return [question, {"id": "2", "question": "Anything else?", "type": "text", "answers": []}]


def attachment(crm: Crm, module: Module, record_id: str) -> JSON:
    """Return {"filename", "filetype", "filesize", "filecontents"}, base64. Raises SarvError 404/21 without a file, 400/22."""
    file = crm.row(module, record_id).hidden.get("file")
    if not file:
        raise SarvError("404/21")
    return file


def as_file(told: JSON) -> Reply:
    """Return an attachment as the answer itself."""
    name = {"Content-Disposition": "attachment; filename=\"file.bin\"; filename*=UTF-8''" + quote(told["filename"])}
    return Reply(200, b64decode(told["filecontents"]), told["filetype"], name)


def comment(crm: Crm, module: Module, record_id: str, sent: dict[str, JSON], user: str) -> str:
    """Keep the comment as a note beside the record and return its id. Raises SarvError 400/14, 22."""
    crm.row(module, record_id)
    text = str(sent.get("comment") or "").strip()
    if not text:
        raise SarvError("400/14")
    row = crm.new(MODULES["Notes"], user=user)
    row.values.update(name=text[:255], description=text, parent_type=module.name, parent_id=record_id)
    crm.save(row)
    return str(row.values["id"])
