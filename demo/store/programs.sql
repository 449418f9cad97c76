-- What programs ask of models with API keys: some around the clock, some in a nightly batch.
INSERT INTO usage_events
    (org_id, ts, received_at, api_key_id, model_id, deployment, source, conversation_id,
     bring_your_keys, cached_prompt_tokens, no_cache_tokens, completion_tokens, cost_usd)
WITH
    {seed:UInt64} AS seed,
    requests AS
    (
        SELECT
            key_id, day_n,
            sipHash64(seed, key_id, day_n, arrayJoin(range(toUInt32(pace * (70 + sipHash64(seed, key_id, day_n) % 60) / 100)))) AS c,
            arrayCumSum(arrayMap((weight, since, until) -> if(since <= day_n AND day_n < until, weight, 0),
                {model_weights:Array(UInt32)}, {model_since:Array(Int32)}, {model_until:Array(Int32)})) AS model_shares,
            -- One model a day.
            arrayFirstIndex(share -> share > sipHash64(seed, key_id, 'model', day_n) % model_shares[-1], model_shares) AS model,
            toInt64(toUnixTimestamp(toDateTime({first:Date} + day_n, 'UTC'))) * 1000000
                + if(hour < 0, toInt64(intHash64(c + 1) % 86400000000), hour * 3600000000 + toInt64(intHash64(c + 1) % 1200000000)) AS at_us
        FROM
        (
            SELECT key.1 AS key_id, key.2 AS pace, key.3 AS hour, key.4 AS since, key.5 AS until, number AS day_n
            FROM numbers({days:UInt32})
            ARRAY JOIN arrayZip({key_ids:Array(String)}, {key_paces:Array(UInt32)}, {key_hours:Array(Int32)},
                {key_since:Array(Int32)}, {key_until:Array(Int32)}) AS key
        )
        WHERE since <= day_n AND day_n < until
    )
SELECT
    {org:String},
    fromUnixTimestamp64Micro(at_us, 'UTC') AS ts,
    ts + toIntervalMicrosecond(200000 + intHash64(c + 2) % 2800000) AS received_at,
    key_id,
    {model_ids:Array(String)}[model] AS model_id,
    concat(model_id, '-eu-west'),
    'API',
    toString(c),
    true,
    900 AS cached,
    toUInt32(50 + intHash64(c + 3) % 2450) AS plain,
    toUInt32(5 + intHash64(c + 4) % 595) AS completion,
    toDecimal64(cached * {cached_price:Array(UInt32)}[model] + plain * {prompt_price:Array(UInt32)}[model]
        + completion * {completion_price:Array(UInt32)}[model], 0) * toDecimal64('0.000000001', 9)
FROM requests
WHERE received_at > {arrived_after:DateTime64(6, 'UTC')} AND received_at <= {arrived_by:DateTime64(6, 'UTC')}
