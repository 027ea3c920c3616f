#!/usr/bin/env bash
# The fault tests that throw dice, with many more throws. The last line counts the tests.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
	cat <<'EOT'
usage: torture.sh

environment:
  TORTURE_SEED=N     throw the dice of an earlier run again (a new one; it is printed first)
  TORTURE_TIME=N     each test that throws them until time is up does so for a quarter of N seconds (600: in all
                     some twenty minutes)
  TORTURE_KILLS=N    kill -9 so often, the tools of a batch and then the members of a group (200)
  TORTURE_ROUNDS=N   so many races of each kind (100)
EOT
}

(($# == 0)) || { usage && exit 2; }
export TORTURE_SEED=${TORTURE_SEED:-$RANDOM}
export TORTURE_KILLS=${TORTURE_KILLS:-200} TORTURE_ROUNDS=${TORTURE_ROUNDS:-100}
export TORTURE_TIME=${TORTURE_TIME:-600}
export TORTURE_STEP=1 TORTURE_SECONDS=$((TORTURE_TIME / 4))
export BATCH_TEST_JOBS=1
echo "# TORTURE_SEED=$TORTURE_SEED"
exec "$here/run.sh" "$here"/fault/{random,races,nemesis,kill,cluster,broker,link,work}.bats
