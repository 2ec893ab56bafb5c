#!/usr/bin/env bash
# Gets from Debian's packages what the tests use and this machine lacks. Never stops the tests:
# what cannot be had is skipped there, loudly.
set -u
cd "$(dirname "$0")/.."
missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v bwrap >/dev/null || missing+=(bubblewrap)
if [ ${#missing[@]} -gt 0 ] && command -v apt-get >/dev/null; then
  sudo=""
  [ "$(id -u)" -eq 0 ] || sudo="sudo -n"
  export DEBIAN_FRONTEND=noninteractive
  $sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    echo "cannot install: ${missing[*]}"
elif [ ${#missing[@]} -gt 0 ]; then
  echo "cannot install: ${missing[*]}"
fi
# RabbitMQ is unpacked, not installed: its package would start a service and make a user.
.venv/bin/python -m tests.rabbitmq || echo "cannot unpack: rabbitmq-server"
exit 0
