#!/bin/sh
# Builds the image, and makes one Machine of it that Fly starts each hour. The app exists: fly apps create drain-orders.
set -eu
fly secrets set --app drain-orders --stage NATS_URL="$NATS_URL" NATS_TOKEN="$NATS_TOKEN"
fly machine run . --app drain-orders --schedule hourly --restart on-fail
