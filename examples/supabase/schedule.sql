-- Calls the function each minute. The vault has both keys.
select cron.schedule('drain-orders', '* * * * *', $$
  select net.http_post(
    url := 'https://<project>.supabase.co/functions/v1/drain',
    headers := jsonb_build_object(
      'Authorization', 'Bearer ' || (select decrypted_secret from vault.decrypted_secrets where name = 'anon_key'),
      'Drain-Authorization', 'Bearer ' || (select decrypted_secret from vault.decrypted_secrets where name = 'drain_token')
    )
  );
$$);
