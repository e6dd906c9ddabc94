"""How log lines look: text for people or JSON for collectors, with the extra fields of each record."""

import json
import logging
from datetime import datetime

from waker.settings.flags import Settings


class JsonFormatter(logging.Formatter):
    """One JSON object a line, with the fields a log collector expects."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{k: str(v) for k, v in vars(record).items() if k not in STANDARD},
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields)


class TextFormatter(logging.Formatter):
    """A line for people, with the extra fields behind it."""

    def format(self, record: logging.LogRecord) -> str:
        extra = " ".join(f"{k}={v}" for k, v in vars(record).items() if k not in STANDARD)
        record.msg, record.args = record.getMessage(), None
        if extra:
            record.msg = f"{record.msg} ({extra})"
        return super().format(record)


STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def set_up(settings: Settings) -> None:
    """Log to standard error, as these settings say."""
    handler = logging.StreamHandler()
    text = TextFormatter("%(asctime)s %(levelname)-7s %(message)s")
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else text)
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    logging.getLogger("kubernetes_asyncio").setLevel(logging.INFO)  # at debug it logs whole objects
    logging.getLogger("asyncio").setLevel(logging.WARNING)
