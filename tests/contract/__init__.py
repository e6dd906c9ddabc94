"""What any API server must do for KubeSleeper: the same tests against the embedded one and against a real one."""
