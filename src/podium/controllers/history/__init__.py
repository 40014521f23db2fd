"""What a DaemonSet or StatefulSet looked like before: ControllerRevisions, shared by both controllers."""
