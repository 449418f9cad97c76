-- Users with usage in the period; grouped by model: one row per user and model. Ranks count among rows of one model.
-- Maps count in 32 bits, which JSON has without quotes whatever the server's settings say.
WITH
    {from:DateTime64(3, 'UTC')} AS first_ts,
    {to:DateTime64(3, 'UTC')} AS last_ts,
    (
        SELECT (groupArray(model_id), groupArray(name))
        FROM (SELECT model_id, name FROM models WHERE org_id = {org:String} ORDER BY changed_at DESC LIMIT 1 BY model_id)
    ) AS models_named,
    counted AS
    (
        SELECT
            user_id,
            if({group_by:String} = 'model', model_name, '') AS model,
            sum(cost_usd) AS cost,
            count() AS total,
            countIf(assistant_id = '' AND project_id = '') AS chat,
            countIf(assistant_id != '') AS to_assistants,
            countIf(project_id != '') AS in_projects,
            countIf(action != '') AS with_action,
            sumMapIf(map(toString(assistant_id), toUInt64(1)), assistant_id != '') AS by_assistant,
            sumMapIf(map(toString(project_id), toUInt64(1)), project_id != '') AS by_project,
            sumMap(map(toString(model_name), toUInt64(1))) AS by_model,
            sumMapIf(map(toString(action), toUInt64(1)), action != '') AS by_action
        FROM
        (
            SELECT
                user_id, assistant_id, project_id, action, cost_usd,
                transform(model_id, models_named.1, models_named.2, model_id) AS model_name
            FROM usage_events
            WHERE org_id = {org:String} AND ts >= first_ts AND ts < last_ts + INTERVAL 1 MILLISECOND AND user_id != ''
        )
        GROUP BY user_id, model
    )
SELECT
    toDate32(first_ts) AS period_start,
    toDate32(last_ts) AS period_end,
    {org:String} AS org_id,
    c.model AS model,
    c.user_id AS user_id,
    u.name AS name,
    u.email AS email,
    u.role AS role,
    u.department AS department,
    u.company_name AS company_name,
    u.license_type AS license_type,
    u.joined_at AS joined_at,
    u.payg_limit AS payg_limit_current,
    u.payg_utilization_pct AS payg_utilization_pct_current,
    CAST(c.cost, 'Decimal(38, 9)') AS payg_consumption_in_period,
    toInt64(c.total) AS messages_total,
    toInt64(c.chat) AS messages_chat,
    toInt64(c.to_assistants) AS messages_assistants,
    toInt64(c.in_projects) AS messages_projects,
    toInt64(rank() OVER (PARTITION BY c.model ORDER BY c.total DESC)) AS messages_total_rank,
    toInt64(rank() OVER (PARTITION BY c.model ORDER BY c.chat DESC)) AS messages_chat_rank,
    toInt64(rank() OVER (PARTITION BY c.model ORDER BY c.to_assistants DESC)) AS messages_assistants_rank,
    toInt64(rank() OVER (PARTITION BY c.model ORDER BY c.in_projects DESC)) AS messages_projects_rank,
    toInt64(length(c.by_assistant)) AS assistants_messaged,
    toInt64(length(c.by_project)) AS projects_messaged,
    toInt64(c.with_action) AS action_messages,
    toInt64(length(c.by_action)) AS action_messaged,
    toJSONString(CAST(c.by_assistant, 'Map(String, UInt32)')) AS assistants_to_messages,
    toJSONString(CAST(c.by_project, 'Map(String, UInt32)')) AS projects_to_messages,
    toJSONString(CAST(c.by_model, 'Map(String, UInt32)')) AS model_to_messages_total,
    toJSONString(CAST(c.by_action, 'Map(String, UInt32)')) AS action_to_messages
FROM counted AS c
LEFT JOIN
(
    SELECT
        user_id,
        toNullable(name) AS name,
        toNullable(email) AS email,
        CAST(role, 'Nullable(String)') AS role,
        CAST(department, 'Nullable(String)') AS department,
        CAST(company_name, 'Nullable(String)') AS company_name,
        CAST(license_type, 'Nullable(String)') AS license_type,
        toDate32(joined_at) AS joined_at,
        payg_limit,
        payg_utilization_pct
    FROM users
    WHERE org_id = {org:String}
    ORDER BY changed_at DESC
    LIMIT 1 BY user_id
) AS u ON u.user_id = c.user_id
ORDER BY c.user_id, c.model
