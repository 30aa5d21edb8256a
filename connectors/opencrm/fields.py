"""The fields of OpenCRM's modules that are known, as data.

OpenCRM has no call that tells its fields. These names are the ones its document and a public client of it use (facts §3). A
line is "name type label"; "!" after the type: a new record must have it; a number after the type: so many decimal places;
"-": cannot be written; "> module": the id of such a record.
"""

from __future__ import annotations

EVERY = """
assigned_user_id owner! Assigned to
description longtext Description
createdtime datetime- Created
modifiedtime datetime- Modified
"""
CONSENT = """
tps boolean Do not phone
fps boolean Do not fax
do_not_email boolean Do not e-mail
consent_to_processing boolean Consent to processing
data_processing_consent_given boolean Data processing consent given
date_consent_given date Date consent given
consent_given_to text Consent given to
righttobeforgotten boolean Right to be forgotten
righttobeforgotten_date date Right to be forgotten, date
"""
CONTACT = """
firstname text First name
lastname text! Last name
accountid reference Company > company
title text Job title
department text Department
contacttype choice Type
leadsource choice Lead source
greeting text Greeting
birthday date Birthdate
email email Business e-mail
email2 email Private e-mail
phone phone Office phone
mobile phone Mobile
homephone phone Home phone
otherphone phone Other phone
fax phone Fax
assistant text Assistant
assistantphone phone Assistant phone
assistant_email email Assistant e-mail
mailingstreet longtext Mailing street
mailingstreet2 text Mailing street 2
mailingcity text Mailing city
mailingstate text Mailing county
mailingzip text Mailing postcode
mailingcountry text Mailing country
otherstreet longtext Other street
otherstreet2 text Other street 2
othercity text Other city
otherstate text Other county
otherzip text Other postcode
othercountry text Other country
reportsto reference Reports to > contact
support_start_date date Support start
support_end_date date Support end
sage_ref text Sage reference
"""
COMPANY = """
accountname text! Company name
account_type choice Type
industry choice Industry
ownership text Legal format
rating choice Rating
employees text Employees
annualrevenue text Annual revenue
companynumber text Company number
parentid reference Parent company > company
email1 email E-mail
email2 email Other e-mail
phone phone Phone
otherphone phone Other phone
fax phone Fax
website url Website
street longtext Billing address
bill_street_2 text Billing address 2
city text Billing city
state text Billing county
code text Billing postcode
country text Billing country
billemail email Billing e-mail
ship_street longtext Shipping address
ship_street_2 text Shipping address 2
ship_city text Shipping city
ship_state text Shipping county
ship_code text Shipping postcode
ship_country text Shipping country
sage_ref text Sage reference
vatnumber text VAT number
vatexempt boolean VAT exempt
credit_limit money2 Credit limit
credit_limit_days integer Balance days
creditcheckon date Credit check on
outstanding_balance money2- Total balance
due_balance money2- Due balance
overdue_balance money2- Overdue balance
currentspend money2- Current spend
year_to_date money2- Opportunity year to date
majoraccount boolean Major account
"""
LEAD = """
firstname text First name
lastname text! Last name
company text Company
email email E-mail
phone phone Phone
mobile phone Mobile
homephone phone Home phone
fax phone Fax
designation text Job title
leadsource choice Lead source
leadstatus choice Lead status
leadtype choice Lead type
industry choice Industry
rating choice Rating
annualrevenue text Annual revenue
noofemployees text Number of employees
lane longtext Street
lane2 text Street 2
city text City
state text County
code text Postal code
country text Country
website url Website
greeting text Greeting
dob date Date of birth
"""
OPPORTUNITY = """
potentialname text! Opportunity name
potentialtype choice Type
sales_stage choice Sales stage
leadsource choice Lead source
nextstep text Next step
accountid reference Company > company
contactid reference Contact > contact
projectid reference Project > project
email email E-mail
amount money2 Amount
weightedamount money2- Weighted amount
probability percent0 Probability
salescommission money2 Sales commission
start_date date Start date
closingdate date Expected close date
vat_rate percent VAT rate
"""
ACTIVITY = """
subject text! Subject
taskstatus choice Status
taskpriority choice Priority
date_start datetime Start date and time
due_date date Due date
duration_hours integer Duration in hours
parent_id reference Related to
contact_id reference Contact > contact
accountid reference Company > company
single_asset_id reference Asset > asset
category choice Category
cost_net money2 Costs without VAT
cost_gross money2 Costs with VAT
showonportal boolean Show on portal
"""
ASSET = """
assetname text Asset name
serialno text Serial number
status choice Status
accountid reference Company > company
contactid reference Contact > contact
productid reference Product > product
datesold date Date sold
dateinservice date Date in service
account_id reference Company > company
contact_id reference Contact > contact
product_id reference Product > product
"""
CONTRACT = """
contractname text Contract name
status choice Status
accountid reference Company > company
contactid reference Contact > contact
start_date date Start date
end_date date End date
contact_id reference Contact > contact
salesorder_id reference Sales order > salesorder
contracttype choice Type
cost_net money2 Costs without VAT
cost_gross money2 Costs with VAT
"""
PRODUCT = """
productname text! Product name
productcode text Product code
productcategory choice Product category
product_status choice Product status
discontinued boolean Discontinued
product_description longtext Description of the product
mini_description text Mini description
unit_price money2 Sell price
buy_price money2 Buy price
manufacturer text Manufacturer
vendor_id reference Supplier > company
vendor_part_no text Supplier part number
qtyinstock integer Quantity in stock
qtyindemand integer Quantity in demand
qty_per_unit integer Quantity per unit
serialno text Serial number
sales_start_date date Sales start
sales_end_date date Sales end
contract_term integer Contract term in months
taxclass choice Tax class
website url Website
parentprodid reference Parent product > product
"""
PROJECT = """
name text! Name
projectnum text Project number
projecttype choice Project type
projectstatus choice Status
projpriority choice Priority
accountid reference Company > company
contactid reference Contact > contact
salesorder_id reference Sales order > salesorder
startdate date Start date
enddate date End date
targetend date Target end date
budget money2 Budget
cost_net money2 Costs without VAT
cost_gross money2 Costs with VAT
active boolean Active
private boolean Private
showonportal boolean Show on portal
"""
TICKET = """
title text! Title
status choice Status
priority choice Priority
severity choice Severity
category choice Category
support_queue choice Queue
contactid reference Contact > contact
parent_id reference Related to > contact company
contractid reference Contract > contract
projectid reference Project > project
product_id reference Product > product
single_asset_id reference Asset > asset
solution longtext Solution
tech_solution longtext Technical solution
closedon date Close date
cost_net money2 Costs without VAT
cost_gross money2 Costs with VAT
showonportal boolean Show on portal
"""
