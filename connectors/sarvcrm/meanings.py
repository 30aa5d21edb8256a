"""The document's table of errors as data: by HTTP status and code, what each means to a caller of ours."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from connectors.errors import (
    AccessDenied,
    AuthError,
    ConfigError,
    ConnectorError,
    Duplicate,
    LockedOut,
    QueryError,
    RateLimited,
    RecordInvalid,
    RecordNotFound,
    Unavailable,
    Unsupported,
)

UNKNOWN_COLUMN = re.compile(r"Unknown column '([A-Za-z0-9_.]{1,128})'")


class SessionGone(AuthError):
    """The token is not known to the server (any more): log in again, once."""


class Forbidden(AccessDenied):
    """HTTP 403 for a reason the document does not have: public clients found that a new login may help, once (facts §1.2)."""


class NothingFound(RecordNotFound):
    """No record meets this: of a list that is no error, it is empty. `at` is the server's time when it said so."""

    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """One row of the document's table. `when_reading` is the error where the call changes nothing, if it is another."""

    status: int
    code: str
    name: str
    message: str
    error: Callable[..., ConnectorError]
    when_reading: Callable[..., ConnectorError] | None = None


TABLE = (
    Meaning(401, "10", "Invalid login", "Login attempt failed please check the username and password.", AuthError),
    Meaning(401, "11", "Invalid Session ID", "The session ID is invalid.", SessionGone),
    Meaning(401, "12", "User Not Configured", "Please log into your instance of SarvCRM to configure your user.", ConfigError),
    Meaning(400, "12", "Invalid Portal Client", "Portal Client does not have authorized access.", ConfigError),
    Meaning(400, "14", "Required Fields", "Please fill out the required fields and try again.", RecordInvalid, QueryError),
    Meaning(400, "15", "Type Mismatch", "Type mismatch Error.", RecordInvalid, QueryError),
    Meaning(400, "16", "File is Too Large", "Uploaded file is too large and exceeded the file size limit.", RecordInvalid),
    Meaning(404, "20", "Module Does Not Exist", "This module is not available on this server.", QueryError),
    Meaning(404, "21", "File Does Not Exist", "The desired file does not exist on the server.", RecordNotFound),
    Meaning(400, "22", "Deleted Record", "Access to this object is denied since it has been deleted or does not exist.", RecordNotFound),
    Meaning(400, "30", "Module Not Supported", "This module does not support this feature.", Unsupported),
    Meaning(400, "31", "Relationship Not Supported", "This module does not support this relationship.", Unsupported),
    Meaning(403, "40", "Access Denied", "You do not have access.", AccessDenied),
    Meaning(400, "50", "Duplicate Records", "Duplicate records have been found. Please be more specific.", Duplicate),
    Meaning(404, "51", "No Records", "No records were found.", NothingFound),
    Meaning(401, "60", "Sessions Exceeded", "Number of sessions exceeded.", RateLimited),
    Meaning(401, "70", "Admin credentials are required", "The logged-in user is not an administrator.", AccessDenied),
    Meaning(400, "90", "Resource Management Error", "The resource query limit specified in config.php has been exceeded during execution of the SOAP method.", Unavailable),
    Meaning(400, "1000", "Invalid call for this module", "This is an invalid call for this module. Please look at WSDL file for details.", Unsupported),
    Meaning(400, "1001", "Invalid data sent", "The data sent for this function is invalid. Please look at WSDL file for details.", RecordInvalid, QueryError),
    Meaning(400, "1005", "Invalid set_campaign_merge data", "set_campaign_merge: Merge action status will not be updated, because, campaign_id is null or no targets were selected.", RecordInvalid),
    Meaning(401, "1008", "Password Expired", "Your password has expired. Please provide a new password.", AuthError),
    Meaning(401, "1009", "lockout reached", "You have been locked out of the SarvCRM application and cannot log in using existing password. Please contact your Administrator.", LockedOut),
)  # fmt: skip
