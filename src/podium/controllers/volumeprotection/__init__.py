"""The volume protection controllers: claims and volumes are not gone before nobody uses them any more."""
