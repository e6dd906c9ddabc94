"""How log lines look: text for people or JSON for log collectors, both with the extra fields of each record.

A log call has a constant message and its variable parts as `extra` fields. `cli` calls `set_up` once, before anything is
logged; no other module knows how lines look. Whatever a record contains, a line of text is one line and has no control
characters; the lines of a traceback are indented, so that no exception's message is taken for a line of the log.
"""

import json
import logging
from datetime import datetime
from typing import Any

from waker.printable import printable_lines, printable_text
from waker.settings.flags import Settings


class JsonFormatter(logging.Formatter):
    """One JSON object a line, with the names that log collectors expect."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": printable_text(record.getMessage()),
            **{k: _value(v) for k, v in vars(record).items() if k not in STANDARD},
        }
        if record.exc_info:
            fields["exception"] = printable_lines(self.formatException(record.exc_info))
        return json.dumps(fields)


class TextFormatter(logging.Formatter):
    """A line for people, with the extra fields in parentheses at its end."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 logging's own name
        """Changes nothing of `record` but its `message`, which each formatter sets anew: other handlers get it, too."""
        extra = " ".join(f"{k}={_word(v)}" for k, v in vars(record).items() if k not in STANDARD)
        record.message = printable_text(f"{record.message} ({extra})" if extra else record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802 logging's own name
        return "  " + printable_lines(super().formatException(ei)).replace("\n", "\n  ")


def _value(value: object) -> str | int | float:
    """For JSON: numbers stay numbers."""
    return value if isinstance(value, int | float) else printable_text(str(value))


def _word(value: object) -> str:
    """For text: what has a blank or a quotation mark in it stands in quotation marks, so that lines can be taken apart."""
    text = printable_text(str(value))
    quoted = text.replace('"', '\\"')
    return f'"{quoted}"' if not text or " " in text or '"' in text else text


STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def set_up(settings: Settings) -> None:
    """Log to standard error, at the level and in the format of these settings."""
    handler = logging.StreamHandler()
    text = TextFormatter("%(asctime)s %(levelname)-7s %(message)s")
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else text)
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    logging.getLogger("kubernetes_asyncio").setLevel(logging.INFO)  # at DEBUG it logs whole objects
    logging.getLogger("asyncio").setLevel(logging.WARNING)
