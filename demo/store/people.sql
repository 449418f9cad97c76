-- What people say to models: a function of the seed, the day and the person alone, so that the same words give the same
-- usage. A message is a conversation's n-th; a phone out of reach delivers within a day and a half.
INSERT INTO usage_events
    (org_id, ts, received_at, user_id, model_id, deployment, source, assistant_id, project_id, conversation_id, action,
     bring_your_keys, cached_prompt_tokens, cache_creation_tokens, no_cache_tokens, completion_tokens, cost_usd)
WITH
    {seed:UInt64} AS seed,
    {days:UInt32} AS days,
    -- How much of a working day's usage each weekday sees, Monday first, in hundredths.
    [100, 110, 112, 105, 80, 18, 14] AS weekdays,
    -- Each local hour as often as people work in it.
    arrayFlatten(arrayMap((hour, weight) -> arrayWithConstant(weight, hour), range(24),
        [0, 0, 0, 0, 0, 0, 2, 6, 16, 22, 24, 20, 10, 16, 22, 20, 16, 10, 6, 4, 4, 3, 2, 0])) AS hours,
    ['web_search', 'document_search', 'code_interpreter', 'image_generation'] AS actions,
    conversations AS
    (
        SELECT
            user_id,
            sipHash64(seed, user_id, day_n, arrayJoin(range(1 + intDiv(messages, 4)))) AS c,
            toDayOfWeek(day) >= 6 AS is_weekend,
            (toInt64(toUnixTimestamp(toDateTime(day, 'Europe/Berlin'))) + 3600 * hours[1 + intHash64(c + 1) % length(hours)])
                * 1000000 + toInt64(intHash64(c + 2) % 3000000000) AS begin_us,
            intHash64(c + 3) % 100 AS whence,
            multiIf(
                whence < if(is_weekend, 45, 66), 'WEB',
                whence < if(is_weekend, 95, 84), 'MOBILE',
                whence < if(is_weekend, 99, 94), 'SLACK', 'TEAMS') AS source,
            if(source = 'MOBILE' AND intHash64(c + 4) % 100 < 15, 5 + intHash64(c + 5) % 2155, 0) * 60000000
                + 200000 + intHash64(c + 6) % 2800000 AS delay_us,
            arrayCumSum(arrayMap((weight, since, until) -> if(since <= day_n AND day_n < until, weight, 0),
                {model_weights:Array(UInt32)}, {model_since:Array(Int32)}, {model_until:Array(Int32)})) AS model_shares,
            arrayFirstIndex(share -> share > intHash64(c + 7) % model_shares[-1], model_shares) AS model,
            arrayCumSum(arrayMap((weight, since) -> if(since <= day_n, weight, 0),
                {agent_weights:Array(UInt32)}, {agent_since:Array(Int32)})) AS agent_shares,
            arrayFilter((id, since, until) -> since <= day_n AND day_n < until,
                {project_ids:Array(String)}, {project_since:Array(Int32)}, {project_until:Array(Int32)}) AS projects,
            intHash64(c + 8) % 100 AS kind,
            if(kind < 30, {agent_ids:Array(String)}[arrayFirstIndex(share -> share > intHash64(c + 9) % agent_shares[-1], agent_shares)], '')
                AS assistant_id,
            if(kind >= 85 AND notEmpty(projects), projects[1 + intHash64(c + 9) % length(projects)], '') AS project_id
        FROM
        (
            SELECT
                user_id, day_n, day,
                sipHash64(seed, user_id, day) AS p,
                -- More from month to month; some days are busy.
                pace * weekdays[toDayOfWeek(day)] * (60 + 60 * day_n / 365) / 10000 * (0.4 + 1.8 * pow(intHash64(p + 1) % 1000 / 1000, 2))
                    AS messages
            FROM
            (
                SELECT user_id, pace, joined_n, left_n, number AS day_n, {first:Date} + number AS day
                FROM synthetic_people CROSS JOIN numbers(days) AS numbers
            )
            WHERE joined_n <= day_n AND day_n < left_n
                AND intHash64(sipHash64(seed, user_id, day)) % 100 < least(72, 0.72 * weekdays[toDayOfWeek(day)])
        )
    )
SELECT
    {org:String},
    ts, received_at, user_id, model_id, deployment, source, assistant_id, project_id, toString(c), action,
    true, cached, created, plain, completion,
    toDecimal64(cached * {cached_price:Array(UInt32)}[model] + (created + plain) * {prompt_price:Array(UInt32)}[model]
        + completion * {completion_price:Array(UInt32)}[model], 0) * toDecimal64('0.000000001', 9)
FROM
(
    SELECT
        *,
        intHash64(c * 31 + n) AS m,
        fromUnixTimestamp64Micro(begin_us + toInt64(n) * (8000000 + toInt64(intHash64(c + 10) % 82000000)) + toInt64(m % 1000000), 'UTC') AS ts,
        if(source = 'MOBILE' AND ts >= {outage_from:DateTime64(6, 'UTC')} AND ts < {outage_to:DateTime64(6, 'UTC')},
            {outage_over:DateTime64(6, 'UTC')}, ts + toIntervalMicrosecond(delay_us)) AS received_at,
        {model_ids:Array(String)}[model] AS model_id,
        concat(model_id, if(intHash64(c + 11) % 2 = 0, '-eu-west', '-eu-north')) AS deployment,
        if(intHash64(m + 1) % 100 < 12, actions[1 + intHash64(m + 2) % 4], '') AS action,
        toUInt32(200 + intHash64(c + 12) % 2800 + n * (200 + intHash64(c + 13) % 500)) AS context,
        toUInt32(if(n = 0, 0, intDiv(context * 4, 5))) AS cached,
        toUInt32(if(n = 0, intDiv(context, 2), 0)) AS created,
        toUInt32(20 + intHash64(m + 3) % 380 + context - cached) AS plain,
        toUInt32(20 + 1050 * pow(intHash64(m + 4) % 1000 / 1000, 2)) AS completion
    FROM (SELECT *, arrayJoin(range(1 + intHash64(c + 14) % 7)) AS n FROM conversations)
)
WHERE received_at > {arrived_after:DateTime64(6, 'UTC')} AND received_at <= {arrived_by:DateTime64(6, 'UTC')}
