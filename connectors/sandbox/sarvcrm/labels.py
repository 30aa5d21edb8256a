"""What the simulated SarvCRM calls its fields and choices, in its two languages."""

from __future__ import annotations

_PERSIAN = """
id شناسه|name نام|created_by ایجاد کننده|created_by_name نام ایجاد کننده|date_entered تاریخ ایجاد|modified_user_id ویرایش کننده
modified_by_name نام ویرایش کننده|date_modified تاریخ ویرایش|deleted حذف شده|description توضیحات|assigned_user_id کاربر مسئول
assigned_user_name نام کاربر مسئول|first_name نام کوچک|last_name نام خانوادگی|full_name نام کامل|status وضعیت|type نوع
email1 پست الکترونیک|numbers شماره ها|primary_number شماره اصلی|website وب سایت|title سمت|department واحد|birthdate تاریخ تولد
birth_date تاریخ تولد|lead_source منبع سرنخ|industry صنعت|account_id شناسه حساب|account_name حساب|contact_id شناسه فرد
contact_name فرد|campaign_id شناسه کمپین|campaign_name کمپین|amount مبلغ|sales_stage مرحله فروش|probability احتمال|priority اولویت
date_start تاریخ شروع|date_end تاریخ پایان|start_date تاریخ شروع|end_date تاریخ پایان|duration مدت|parent_type نوع والد|parent_id شناسه والد
parent_name والد|subject موضوع|body متن|number شماره|price قیمت|cost هزینه|quantity تعداد|city شهر|address نشانی|filename پرونده
tags برچسب ها|interests علاقه ها|credit_limit سقف اعتبار|employees تعداد کارکنان|score امتیاز|converted تبدیل شده|contacts افراد
opportunities فرصت ها|products محصولات|cases سرویس ها|documents اسناد|New جدید|Converted تبدیل شده|Expired منقضی شده|Individual حقیقی
Corporate حقوقی|Conference همایش|Referral معرفی|Web Site وب سایت|Planned برنامه ریزی شده|Held برگزار شده|High زیاد|Medium متوسط|Low کم
Draft پیش نویس|Closed بسته|Open باز|Active فعال|Inactive غیرفعال|Customer مشتری|Supplier تامین کننده|Partner شریک
"""
_LONG = ("Web Site ",)


def _parsed() -> dict[str, str]:
    found = {}
    for entry in _PERSIAN.replace("\n", "|").split("|"):
        head = next((long for long in _LONG if entry.startswith(long)), entry.partition(" ")[0])
        found[head.strip()] = entry[len(head) :].strip()
    return found


PERSIAN = _parsed()


def label(name: str, language: str) -> str:
    """Return the label of a field or choice: Persian where there is one, else English made of the name."""
    if language == "fa_IR" and name in PERSIAN:
        return PERSIAN[name]
    text = name.removesuffix("_c").replace("_", " ")
    return text[:1].upper() + text[1:] if name.islower() else text
