"""What a processing node writes about a task, from the contract: bodies as bytes, tree by tree."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

RECEIVED = "Task received for processing"
DOWNLOADED = "Task files donwloaded for processing"
PASSED = "Task processing completed successfully"
NOT_PASSED = "Task processing completed unsuccessfully"
UPLOADED = "Task execution files uploaded"
SENT = "Task sent for next processing stage"
ACKNOWLEDGED = "Task acknowledged to message broker"
REJECTED = "Task rejected to message broker"


@dataclass(frozen=True)
class Carried:
    """A task as a node carries it: the fields it knows, and the tree that is still to go."""

    fields: dict[str, Any]
    tree: dict[str, Any] | None
    tag: int

    @classmethod
    def from_message(cls, body: bytes, tag: int) -> Carried:
        """Take a task from its queue. What a node does not know it forgets."""
        message = json.loads(body.decode("latin-1"))
        known = {name: message[name] for name in ("taskId", "taskOwnerId", "filePath", "timeout")}
        return cls(known, message["routingTree"], tag)

    @property
    def file_path(self) -> str:
        return str(self.fields["filePath"])

    @property
    def key(self) -> str:
        return str(self.tree["routingKey"]) if self.tree else ""

    def towards(self, *, success: bool) -> Carried:
        """After a verdict the tree is the next decision."""
        name = "successRoutingDecision" if success else "failureRoutingDecision"
        return Carried(self.fields, (self.tree or {}).get(name), self.tag)

    def write(self, text: str | None = None) -> bytes:
        """The body of a message about it: each character cut to its low byte."""
        body = self.fields | {"routingTree": self.tree, "logMessage": text, "mqId": self.tag}
        absent = {name: value for name, value in body.items() if value is not None}
        written = json.dumps(absent, ensure_ascii=False, separators=(",", ":"))
        return bytes(ord(character) & 0xFF for character in written)
