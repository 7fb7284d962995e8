"""The main job: networks trained alike and compared."""
