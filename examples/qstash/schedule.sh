#!/bin/sh
# Tells QStash to call the route each minute.
curl --fail -X POST "https://qstash.upstash.io/v2/schedules/https://example.com/api/drain" \
  -H "Authorization: Bearer $QSTASH_TOKEN" \
  -H "Upstash-Cron: * * * * *" \
  -H "Upstash-Retries: 3"
