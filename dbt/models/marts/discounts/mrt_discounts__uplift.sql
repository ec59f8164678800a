with

moments as (
    select * from {{ ref('mrt_discounts__arm_moments') }}
),

final as (
    select
        treatment.experiment_id,
        treatment.arm,
        control.arm as control_arm,
        treatment.metric,
        treatment.horizon_days,
        treatment.segment,
        control.viewer_n as n_control,
        treatment.viewer_n as n_treatment,
        control.n_exposed as n_exposed_control,
        treatment.n_exposed as n_exposed_treatment,
        coalesce(treatment.currency, control.currency) as currency,
        treatment.as_of,
        treatment.definition_version
    from moments as treatment
    inner join moments as control
        on treatment.experiment_id = control.experiment_id
        and treatment.metric = control.metric
        and treatment.horizon_days = control.horizon_days
        and treatment.segment = control.segment
    where control.is_control and not treatment.is_control
)

select * from final
