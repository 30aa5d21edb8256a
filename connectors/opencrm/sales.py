"""The fields of OpenCRM's sales records that are known, as data; how a line reads is told in `fields`.

Which record a sales record hangs on goes by two names (account_id, accountid): the one a sample record shows is kept.
"""

from __future__ import annotations

ADDRESS = """
accountid reference Company > company
contactid reference Contact > contact
bill_street longtext Billing address
bill_city text Billing city
bill_state text Billing county
bill_code text Billing postcode
bill_country text Billing country
ship_street longtext Shipping address
ship_city text Shipping city
ship_state text Shipping county
ship_code text Shipping postcode
ship_country text Shipping country
terms_conditions longtext Terms and conditions
subtotal money2- Sub total
total money2- Grand total
"""
QUOTE = """
subject text! Subject
quotestage choice Quote stage
quotetype choice Type
account_id reference Company > company
contact_id reference Contact > contact
potential_id reference Opportunity > opportunity
validtill date Valid till
potentialid reference Opportunity > opportunity
"""
SALESORDER = """
subject text! Subject
sostatus choice Status
customerno text Customer order number
account_id reference Company > company
contact_id reference Contact > contact
quote_id reference Quote > quote
potential_id reference Opportunity > opportunity
duedate date Due date
quoteid reference Quote > quote
purchaseorder text Purchase order
"""
INVOICE = """
subject text! Subject
invoicestatus choice Status
customerno text Customer number
account_id reference Company > company
contact_id reference Contact > contact
salesorder_id reference Sales order > salesorder
potential_id reference Opportunity > opportunity
invoicedate date Invoice date
duedate date Due date
paiddate date Paid date
salesorderid reference Sales order > salesorder
"""
PURCHASEORDER = """
subject text! Subject
purchaseorder_no text Order number
postatus choice Status
vendor_id reference Supplier > company
contact_id reference Contact > contact
requisition_no text Requisition number
tracking_no text Tracking number
duedate date Due date
issue_date date Issue date
vendorid reference Supplier > company
"""
