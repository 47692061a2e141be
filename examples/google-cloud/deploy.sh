#!/bin/sh
# Deploys the service, closed to the public, and lets Cloud Scheduler call it each minute.
set -eu
gcloud run deploy drain-orders --source . --no-allow-unauthenticated --timeout 60 \
  --set-env-vars "NATS_URL=$NATS_URL" --set-secrets NATS_TOKEN=nats-token:latest
gcloud scheduler jobs create http drain-orders --schedule "* * * * *" --http-method POST \
  --uri "$SERVICE_URL" --oidc-service-account-email "$INVOKER" --max-retry-attempts 3 --attempt-deadline 60s
