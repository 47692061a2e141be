#!/bin/sh
# Deploys the job, and lets Cloud Scheduler run it every five minutes.
set -eu
gcloud run jobs deploy drain-orders --source . --region "$REGION" --task-timeout 360s --max-retries 2 \
  --set-env-vars "NATS_URL=$NATS_URL" --set-secrets NATS_TOKEN=nats-token:latest
gcloud scheduler jobs create http drain-orders --location "$REGION" --schedule "*/5 * * * *" --http-method POST \
  --uri "https://run.googleapis.com/v2/projects/$PROJECT/locations/$REGION/jobs/drain-orders:run" \
  --oauth-service-account-email "$INVOKER"
