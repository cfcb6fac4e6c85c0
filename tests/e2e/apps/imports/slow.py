"""What takes long to import."""

import time

time.sleep(0.3)
imported_at = time.time()
