"""`python -m corpus.watch GROUP [NAME...]`: one group, in this process."""

import sys

from corpus.watch.command import run_group

sys.exit(run_group(sys.argv[1], sys.argv[2:]))
