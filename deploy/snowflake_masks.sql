-- Masks on what leads back to the vault, and the rights to read. Run by the account's owner after the
-- first load (the loader makes the tables) and again after an upgrade that adds a table or an identity
-- column. Whoever is not named here reads nothing. A table is masked before it can be read; a column
-- that an upgrade adds is readable until this has run again.

create role if not exists FRAUDSTREAM_INVESTIGATOR;
grant role FRAUDSTREAM_INVESTIGATOR to role SECURITYADMIN;

-- A token is what `fraudstream vault reveal` takes. Others see a digest: the same for the same token,
-- so counts and joins hold, and of no use at the vault.
create masking policy if not exists FINANCIAL_DATA.GOVERNANCE.TOKEN as (value varchar) returns varchar ->
    case when is_role_in_session('FRAUDSTREAM_INVESTIGATOR') then value else sha2(value, 256) end;
-- A sealed original is for nobody in a warehouse: the vault opens it, audited.
create masking policy if not exists FINANCIAL_DATA.GOVERNANCE.SEALED as (value varchar) returns varchar ->
    case when value is null then null else '(sealed)' end;

alter table FINANCIAL_DATA.BRONZE.TRANSACTIONS modify
    column CUSTOMER set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column CARD set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column DEVICE_PAN set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column EMAIL set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column PHONE set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column ADDRESS set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column NAME set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column DEVICE set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column IP set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column IP_NET set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force;
alter table FINANCIAL_DATA.SILVER.TRANSACTIONS modify
    column CUSTOMER set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column CARD set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column DEVICE_PAN set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column EMAIL set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column PHONE set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column ADDRESS set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column NAME set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column DEVICE set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column IP set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column IP_NET set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force;
alter table FINANCIAL_DATA.SILVER.QUARANTINE modify
    column CUSTOMER set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column CARD set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column DEVICE_PAN set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column EMAIL set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column PHONE set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column ADDRESS set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column NAME set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column DEVICE set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column IP set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column IP_NET set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force;
alter table FINANCIAL_DATA.GOLD.FEATURES modify
    column CUSTOMER set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column CARD set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force;
alter table FINANCIAL_DATA.GOLD.ALERTS modify
    column CUSTOMER set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column CARD set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force,
    column CASE_KEY set masking policy FINANCIAL_DATA.GOVERNANCE.TOKEN force;
alter table FINANCIAL_DATA.BRONZE.DEAD_LETTER modify
    column SEALED_PAYLOAD set masking policy FINANCIAL_DATA.GOVERNANCE.SEALED force;

grant select on all tables in schema FINANCIAL_DATA.SILVER to role FRAUDSTREAM_TRANSFORMER;
grant select on all tables in schema FINANCIAL_DATA.GOLD to role FRAUDSTREAM_TRANSFORMER;
grant select on all tables in schema FINANCIAL_DATA.LABELS to role FRAUDSTREAM_TRANSFORMER;

grant usage on warehouse STREAMING_WH to role FRAUDSTREAM_INVESTIGATOR;
grant usage on database FINANCIAL_DATA to role FRAUDSTREAM_INVESTIGATOR;
grant usage on schema FINANCIAL_DATA.SILVER to role FRAUDSTREAM_INVESTIGATOR;
grant select on all tables in schema FINANCIAL_DATA.SILVER to role FRAUDSTREAM_INVESTIGATOR;
grant usage on schema FINANCIAL_DATA.GOLD to role FRAUDSTREAM_INVESTIGATOR;
grant select on all tables in schema FINANCIAL_DATA.GOLD to role FRAUDSTREAM_INVESTIGATOR;
