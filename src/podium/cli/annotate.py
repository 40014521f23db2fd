"""`podium annotate`: change the annotations of objects."""

from __future__ import annotations

from podium.cli.label import metadata_command

command = metadata_command("annotate", "annotations", "annotated")
