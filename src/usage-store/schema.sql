-- The usage store, version 1. A statement ends with a semicolon at a line's end; each is safe to run again.
-- Every column's meaning, and how to map tables of your own to them with views: docs/usage-store.md.

-- Who may be reported on, and what of it. A change is a new row: the newest changed_at of an org_id holds.
CREATE TABLE IF NOT EXISTS workspaces
(
    org_id          String,
    name            String,
    user_level_data Bool DEFAULT true,
    leaderboards    Bool DEFAULT true,
    byok            Bool DEFAULT false,
    changed_at      DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(changed_at)
ORDER BY org_id;

CREATE TABLE IF NOT EXISTS users
(
    org_id                String,
    user_id               String,
    name                  String,
    email                 String,
    role                  LowCardinality(String),
    department            LowCardinality(Nullable(String)),
    company_name          LowCardinality(Nullable(String)),
    license_type          LowCardinality(Nullable(String)),
    joined_at             Nullable(Date),
    left_at               Nullable(Date),
    payg_limit            Nullable(Decimal(38, 9)),
    payg_utilization_pct  Nullable(Decimal(38, 9)),
    changed_at            DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(changed_at)
ORDER BY (org_id, user_id);

CREATE TABLE IF NOT EXISTS assistants
(
    org_id       String,
    assistant_id String,
    name         String,
    description  Nullable(String),
    url          Nullable(String),
    owner_id     Nullable(String),
    changed_at   DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(changed_at)
ORDER BY (org_id, assistant_id);

CREATE TABLE IF NOT EXISTS projects
(
    org_id     String,
    project_id String,
    name       String,
    owner_id   Nullable(String),
    changed_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(changed_at)
ORDER BY (org_id, project_id);

CREATE TABLE IF NOT EXISTS api_keys
(
    org_id     String,
    api_key_id String,
    name       String,
    changed_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(changed_at)
ORDER BY (org_id, api_key_id);

CREATE TABLE IF NOT EXISTS models
(
    org_id     String,
    model_id   String,
    name       String,
    provider   LowCardinality(String),
    changed_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(changed_at)
ORDER BY (org_id, model_id);

-- One row per request to a model: a person's message, or a program's call with an API key. '' where there is none.
-- Ordered by workspace and time: a report reads the granules of its workspace and period and no others. Columns that the
-- largest report reads, users by model, are packed for speed; those that few read, for size.
CREATE TABLE IF NOT EXISTS usage_events
(
    org_id                LowCardinality(String),
    ts                    DateTime64(6, 'UTC') CODEC(Delta, ZSTD),
    received_at           DateTime64(6, 'UTC') DEFAULT now64(6) CODEC(Delta, ZSTD),
    user_id               String,
    api_key_id            LowCardinality(String),
    model_id              LowCardinality(String),
    deployment            LowCardinality(String),
    source                LowCardinality(String),
    assistant_id          LowCardinality(String),
    project_id            LowCardinality(String),
    conversation_id       String CODEC(ZSTD),
    action                LowCardinality(String),
    bring_your_keys       Bool,
    cached_prompt_tokens  UInt32 CODEC(T64),
    cache_creation_tokens UInt32 CODEC(T64),
    no_cache_tokens       UInt32 CODEC(T64),
    completion_tokens     UInt32 CODEC(T64),
    cost_usd              Decimal(18, 9)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (org_id, ts);
