"""The error table of the simulated SarvCRM, by the vendor's document: HTTP status, code and message. Code 12 means two things."""

from __future__ import annotations

_TABLE = """
401/10 Login attempt failed please check the username and password.
401/11 The session ID is invalid.
401/12 Please log into your instance of SarvCRM to configure your user.
400/12 Portal Client does not have authorized access.
400/14 Please fill out the required fields and try again.
400/15 Type mismatch Error.
400/16 Uploaded file is too large and exceeded the file size limit.
404/20 This module is not available on this server.
404/21 The desired file does not exist on the server.
400/22 Access to this object is denied since it has been deleted or does not exist.
400/30 This module does not support this feature.
400/31 This module does not support this relationship.
403/40 You do not have access.
400/50 Duplicate records have been found. Please be more specific.
404/51 No records were found.
401/60 Number of sessions exceeded.
401/70 The logged-in user is not an administrator.
400/90 The resource query limit specified in config.php has been exceeded during execution of the SOAP method.
400/1000 This is an invalid call for this module. Please look at WSDL file for details.
400/1001 The data sent for this function is invalid. Please look at WSDL file for details.
400/1005 set_campaign_merge: Merge action status will not be updated, because, campaign_id is null or no targets were selected.
401/1008 Your password has expired. Please provide a new password.
401/1009 You have been locked out of the SarvCRM application and cannot log in using existing password. Please contact your Administrator.
"""
MESSAGES: dict[str, str] = {key: text for key, _, text in (line.partition(" ") for line in _TABLE.strip().splitlines())}


class SarvError(Exception):
    """An error answer of the table. `key` is "HTTP status/code", as in "401/10"."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.message = MESSAGES[key]
        self.status, self.code = (int(part) for part in key.split("/"))


class SqlError(Exception):
    """What the database says to a query it cannot run; `number` is MySQL's."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number
