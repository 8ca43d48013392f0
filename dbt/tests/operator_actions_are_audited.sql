{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'fct_operator_actions'}}, 'description': 'Each action has its entry in the audit record, where one was exported.'}) }}

-- Each action has its entry in the audit record, on days of which entries were exported.
select actions.session, actions.seq
from {{ ref('fct_operator_actions') }} as actions
where
    actions.audit_id is null
    and actions.day in (
        select cast(entries.happened_at as date) from {{ ref('stg_audit_entries') }} as entries
    )
