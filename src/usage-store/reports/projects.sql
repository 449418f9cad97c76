-- Projects with usage in the period. They have no grouping.
WITH
    {from:DateTime64(3, 'UTC')} AS first_ts,
    {to:DateTime64(3, 'UTC')} AS last_ts
SELECT
    toDate32(first_ts) AS period_start,
    toDate32(last_ts) AS period_end,
    {org:String} AS org_id,
    CAST(c.project_id, 'String') AS project_id,
    p.name AS project_name,
    p.owner_id AS project_owner_id,
    p.owner_email AS project_owner_email,
    toInt64(c.total) AS messages
FROM
(
    SELECT project_id, count() AS total
    FROM usage_events
    WHERE org_id = {org:String} AND ts >= {since:DateTime64(3, 'UTC')} AND ts < last_ts + INTERVAL 1 MILLISECOND
        AND project_id != ''
    GROUP BY project_id
) AS c
LEFT JOIN
(
    SELECT projects.project_id AS project_id, toNullable(projects.name) AS name, owner_id, o.email AS owner_email
    FROM (SELECT * FROM projects WHERE org_id = {org:String} ORDER BY changed_at DESC LIMIT 1 BY project_id) AS projects
    LEFT JOIN
    (
        SELECT toNullable(user_id) AS user_id, toNullable(email) AS email
        FROM users WHERE org_id = {org:String} ORDER BY changed_at DESC LIMIT 1 BY user_id
    ) AS o ON o.user_id = projects.owner_id
) AS p ON p.project_id = c.project_id
ORDER BY c.project_id
