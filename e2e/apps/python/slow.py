"""The same application, which takes its time to stop, unless /tmp/quick is there, and exits with a
status of its own."""

import os
import signal
import time


def stop(_signal, _frame):
    # A script around the app may forward a signal that the app has got itself.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("stopping", flush=True)
    time.sleep(0 if os.path.exists("/tmp/quick") else 4)
    print("goodbye", flush=True)
    os._exit(7)


signal.signal(signal.SIGTERM, stop)
import app  # serves, and does not return
