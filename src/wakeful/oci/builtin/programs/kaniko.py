"""``/kaniko/executor``; the platform's own code is mounted with it."""

import sys

from wakeful.oci.kaniko.executor import main

sys.exit(main())
