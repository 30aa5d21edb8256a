"""The same pull with dlt: `python peer_dlt.py URL DATABASE_URL`, run by `pull.py --peer dlt` in an environment of its own.

dlt does more per record than we do (it infers a schema and unpacks into typed columns) and fetches one page after the
other; read the figures with that in mind.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import dlt
import orjson
import requests


@dlt.resource(name="contacts", primary_key="id", write_disposition="merge")
def contacts(url: str) -> Iterator[list[dict[str, Any]]]:
    """Yield page after page."""
    session, page, more = requests.Session(), 1, True
    while more:
        answer = orjson.loads(session.get(f"{url}/contacts", params={"limit": 100, "page": page}).content)
        yield [row["record"] for row in answer["list"]]
        page, more = page + 1, answer["metadata"]["has_more"]


def main() -> None:
    url, database = sys.argv[1:]
    if database.startswith("sqlite"):
        destination = dlt.destinations.sqlalchemy(credentials=database)
    else:
        address = urlsplit(database)
        password = address.password or "none"  # dlt insists on one
        credentials = (
            f"postgresql://{address.username}:{password}@{address.hostname}:{address.port or 5432}{address.path}"
        )
        destination = dlt.destinations.postgres(credentials=credentials)
    pipeline = dlt.pipeline("bench", destination=destination, dataset_name="bench", progress=None)
    began = time.perf_counter()
    pipeline.run(contacts(url))
    with pipeline.sql_client() as client, client.execute_query("SELECT count(*) FROM contacts") as cursor:
        stored = cursor.fetchone()[0]
    print(json.dumps({"seconds": time.perf_counter() - began, "records": stored}))


if __name__ == "__main__":
    main()
