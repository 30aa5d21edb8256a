"""The modules of the simulated SarvCRM: the document's forty, Product_Bundle of its sample, and three that public clients use.

One line a module: key | Persian label | English label | fields + relations. A field is name:type(choices), with ! required and
= the first choice preset; name>Module makes name_id and name_name; ^parent a record of any module; @numbers the telephone numbers.
A relation is name>Module.
"""

from __future__ import annotations

LINES = """
Accounts | حساب ها | Accounts | id_AS:int type:enum(Individual,Corporate)!= account_type:enum(Customer,Supplier,Partner,رقیب) industry:enum(Banking,Retail,IT,صنعت) rating:varchar first_name:varchar last_name:varchar account_code:varchar email1:email website:linkable billing_address_street:text billing_address_street_2:text billing_address_city:varchar billing_address_state:varchar billing_address_postalcode:char billing_address_country:varchar billing_latitude:decimal billing_longitude:decimal shipping_address_city:varchar shipping_address_country:varchar tax_id_number:varchar national_number:varchar registration_number:varchar birth_date:date credit_limit:currency employees:integer email_opt_out:bool is_foreigner:boolean visible_in_portal:tinyinit origin:enum(Web,Phone) tags:multienum(VIP,Old,Export) parent>Accounts campaign>Campaigns assigned_portal_user_hash:varchar geographical_area:tree service_summary:function @numbers + contacts>Contacts opportunities>Opportunities cases>Cases members>Accounts documents>Documents
AOS_Contracts | قراردادهای فروش | Sales Contract | status:enum(Draft,Signed,Ended)= start_date:date end_date:date total_contract_value:currency contract_account>Accounts opportunity>Opportunities + aos_quotes>AOS_Quotes documents>Documents
AOS_Invoices | فاکتورها | Invoices | number:int invoice_date:date due_date:date status:enum(Unpaid,Paid,Cancelled)= subtotal_amount:currency tax_amount:currency total_amount:currency billing_account>Accounts billing_contact>Contacts line_items:base + products>AOS_Products
AOS_PDF_Templates | قالب های PDF | PDF Templates | type:enum(Quotes,Invoices) active:bool pdfheader:text pdffooter:text
AOS_Product_Categories | دسته های محصول | Product Categories | parent_category>AOS_Product_Categories is_parent:bool + aos_products>AOS_Products
AOS_Products | محصولات | Products | maincode:varchar part_number:varchar type:enum(Good,Service)= cost:currency price:currency weight:decimal active:bool url:linkable aos_product_category>AOS_Product_Categories + aos_quotes>AOS_Quotes vendors>Vendors
AOS_Quotes | پیش فاکتورها | Quotes | number:int stage:enum(Draft,Negotiation,Delivered,Closed)= expiration:date total_amt:currency discount_amount:currency tax_amount:currency total_amount:currency billing_account>Accounts billing_contact>Contacts opportunity>Opportunities line_items:base + products>AOS_Products contracts>AOS_Contracts
Appointments | بازدیدها | Appointments | status:enum(Planned,Held,Cancelled)= date_start:datetimecombo! date_end:datetimecombo duration:durationcombo ^parent + contacts>Contacts
Approval | تاییدیه | Approval | status:enum(Pending,Approved,Rejected)= approval_date:datetime ^parent
asol_Project | پروژه | Project | status:enum(Open,Closed)= start_date:date end_date:date progress:integer account>Accounts + tasks>Tasks
Branches | شعب | Branches | code:varchar city:varchar address:text manager>Users @numbers
Bugs | پیگیری ایرادهای محصول | Bug Tracker | bug_number:int status:enum(New,Assigned,Closed)= priority:enum(High,Medium,Low) type:enum(Defect,Feature) product>AOS_Products + cases>Cases
Calls | تماس ها | Calls | direction:enum(Outbound,Inbound)= status:enum(Planned,Held,Not Held)= date_start:datetimecombo! duration_hours:int duration_minutes:int duration:durationcombo phone_work:phone ^parent + contacts>Contacts leads>Leads
Cases | سرویس ها | Cases | case_number:int status:enum(New,Assigned,Closed)= priority:enum(High,Medium,Low) type:enum(Complaint,Request) resolution:text due_date:datetime account>Accounts contact>Contacts + bugs>Bugs contacts>Contacts
Communications | ارتباطات | Communications | status:enum(Draft,Sent)= type:enum(SMS,Email) send_date:datetime communications_template>Communications_Template
Communications_Target | هدف ارتباطات | Communications Target | target_type:enum(Accounts,Contacts,Leads) target_count:int
Communications_Template | قالب ارتباطات | Communications Template | type:enum(SMS,Email) subject:varchar body:text
Campaigns | کمپین ها | Campaigns | status:enum(Planning,Active,Complete)= campaign_type:enum(Email,Web,Radio) start_date:date end_date:date budget:currency expected_revenue:currency + leads>Leads contacts>Contacts
Contacts | افراد | Contacts | salutation:enum(Mr.,Ms.,Dr.) first_name:varchar last_name:varchar! full_name:fullname title:varchar department:varchar email1:email birthdate:date do_not_call:bool lead_source:enum(Web Site,Conference,Referral) interests:multienum(Sales,Support,News) primary_address_street:text primary_address_city:varchar primary_address_state:varchar primary_address_postalcode:varchar primary_address_country:varchar portal_active:tinyinit assigned_portal_user_hash:varchar account>Accounts reports_to>Contacts campaign>Campaigns @numbers + opportunities>Opportunities cases>Cases documents>Documents
Deposits | ودیعه | Deposits | amount:currency! deposit_date:date account>Accounts
Documents | اسناد | Documents | document_name:varchar! filename:file revision:varchar category_id:enum(Marketing,Sales) active_date:date exp_date:date status_id:enum(Active,Draft)= + accounts>Accounts contacts>Contacts
Emails | ایمیل ها | Emails | status:enum(draft,sent,read)= date_sent:datetime from_addr:email to_addrs:varchar description_html:text ^parent
Knowledge_Base | پایگاه دانش | Knowledge Base | status:enum(Draft,Published)= body:text rate:decimal knowledge_base_category>Knowledge_Base_Categories
Knowledge_Base_Categories | دسته پایگاه دانش | Knowledge Base Categories | parent_category>Knowledge_Base_Categories category_tree:tree + articles>Knowledge_Base
Leads | سرنخ | Leads | type:enum(Individual,Corporate)= salutation:enum(Mr.,Ms.,Dr.) first_name:varchar last_name:varchar! full_name:fullname title:varchar status:enum(New,Converted,Expired)!= lead_source:enum(Web Site,Conference,Referral) email1:email interests:multienum(Sales,Support,News) primary_address_street:text primary_address_city:varchar primary_address_country:varchar birthdate:date opportunity_amount:currency score:int converted:bool account>Accounts contact>Contacts opportunity>Opportunities campaign>Campaigns @numbers + calls>Calls documents>Documents
Meetings | جلسات | Meetings | status:enum(Planned,Held,Not Held)= date_start:datetimecombo! date_end:datetimecombo duration_hours:int duration_minutes:int location:varchar ^parent + contacts>Contacts users>Users
Notes | یادداشت ها | Notes | filename:file embed_flag:bool contact>Contacts ^parent
OBJ_Conditions | شرایط شاخص | Conditions | operator:enum(equals,greater) value:varchar indicator>OBJ_Indicators
OBJ_Indicators | شاخص | Indicators | weight:decimal goal:integer objective>OBJ_Objectives + conditions>OBJ_Conditions
OBJ_Objectives | اهداف | Objectives | start_date:date end_date:date progress:decimal + indicators>OBJ_Indicators
Opportunities | فرصت ها | Opportunities | amount:currency! sales_stage:enum(Prospecting,Proposal,Closed Won,Closed Lost)= probability:int date_closed:date next_step:varchar lead_source:enum(Web Site,Conference,Referral) opportunity_type:enum(New,Existing) account>Accounts campaign>Campaigns + contacts>Contacts aos_quotes>AOS_Quotes products>AOS_Products
Payments | پرداخت ها | Payments | amount:currency! payment_date:date method:enum(Cash,Card,Transfer) invoice>AOS_Invoices account>Accounts
Product_Bundle | بسته محصول | Product Bundle | price:currency active:bool + products>AOS_Products
Purchase_Order | سفارش خرید | Purchase Order | number:int order_date:date status:enum(Open,Received)= total_amount:currency vendor>Vendors + products>AOS_Products
sc_competitor | رقبا | Competitor | website:linkable strengths:text weaknesses:text + opportunities>Opportunities
sc_Contract | قراردادهای پشتیبانی | Support Contracts | status:enum(Active,Ended)= start_date:date end_date:date amount:currency account>Accounts + services>sc_contract_management
sc_contract_management | خدمات | Services | sc_contract>sc_Contract quantity:int price:currency
Service_Centers | مراکز سرویس | Service Centers | city:varchar address:text @numbers + accounts>Accounts
Tasks | وظایف | Tasks | status:enum(Not Started,In Progress,Completed)= priority:enum(High,Medium,Low) date_start:datetimecombo date_due:datetimecombo contact>Contacts project>asol_Project ^parent
Timesheet | تایم شیت | Timesheet | work_date:date! start_time:time end_time:time hours:decimal project>asol_Project task>Tasks
Vendors | تامین کنندگان | Vendors | type:enum(Corporate,Individual)= email1:email website:linkable billing_address_city:varchar tax_id_number:varchar @numbers + products>AOS_Products
Users | کاربران | Users | user_name:varchar! first_name:varchar last_name:varchar full_name:fullname title:varchar department:varchar email1:email status:enum(Active,Inactive)= is_admin:bool user_hash:varchar + roles>ACLRoles
ACLRoles | نقش ها | Roles | active:bool + users>Users
Notifications | اعلان ها | Notifications | is_read:bool severity:enum(alert,information) ^parent
"""
