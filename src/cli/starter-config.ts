/** What `exportd init` writes: the shortest config that loads something, with the words a person meets first. */
export const STARTER_CONFIG = `# yaml-language-server: $schema=./exportd.schema.json
#
# exportd: which usage reports go into which warehouse, and when.
# \`exportd validate\` checks this file, \`exportd plan\` shows what is due, \`exportd run\` loads it.
version: 1

sources:
  acme:                                  # one workspace
    type: export_api
    base_url: https://api.odeus.ai
    api_key: \${ODEUS_API_KEY}            # from the environment; or \${file:/run/secrets/odeus_key}

destinations:
  local:
    type: duckdb
    path: ./usage.duckdb                 # relative to this file; made by the first run

defaults:                                # any key of a job; lies under every job
  source: acme
  destination: local
  timezone: Europe/Berlin                # where a day begins

jobs:
  users_daily:                           # also the name of the table
    description: Usage per user and day
    data_type: users                     # users, agents, api-keys, projects or models
    # group_by: model                    # one row per user and model
    schedule: "15 6 * * *"               # in quotes; without a schedule it runs only by hand
    window:
      grain: day                         # one export, one period, one day
      lookback: 3                        # the 3 newest closed days are exported again, for late usage
      # begin: 2026-01-01                # load everything since then; holes are filled
    # columns:
    #   drop: [email]                    # never leaves this process
    #   hash: [user_id]                  # needs a hash_key, e.g. hash_key: \${EXPORTD_HASH_KEY}
`;
