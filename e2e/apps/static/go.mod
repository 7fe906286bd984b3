module live-reload/watchexec/e2e/static

go 1.21
