-- Calls the function each minute. The vault has both keys.
select cron.schedule('drain-orders', '* * * * *', $$
  select net.http_post(
    -- Longer than a drain may take: pg_net gives up after 5 s otherwise, and the answer is lost.
    timeout_milliseconds := 150000,
    url := 'https://<project>.supabase.co/functions/v1/drain',
    headers := jsonb_build_object(
      'Authorization', 'Bearer ' || (select decrypted_secret from vault.decrypted_secrets where name = 'anon_key'),
      'Drain-Authorization', 'Bearer ' || (select decrypted_secret from vault.decrypted_secrets where name = 'drain_token')
    )
  );
$$);
