"""`python -m services.rules_engine`."""

import sys

from services.rules_engine.service import main

sys.exit(main())
