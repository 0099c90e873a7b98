"""`python -m services.registry`."""

import sys

from services.registry.service import main

sys.exit(main())
