"""The words that say little about who a record is, and the first names that are one, as data: blanks between. PURE."""

from __future__ import annotations

# A mailbox at one of these belongs to somebody, its domain to nobody.
GENERIC_DOMAINS = """
gmail.com googlemail.com outlook.com hotmail.com hotmail.co.uk hotmail.fr live.com live.co.uk msn.com yahoo.com yahoo.co.uk
yahoo.fr yahoo.de ymail.com rocketmail.com icloud.com me.com mac.com aol.com proton.me protonmail.com gmx.de gmx.net gmx.com
web.de t-online.de freenet.de mail.ru yandex.ru yandex.com bk.ru inbox.ru qq.com 163.com 126.com mail.com zoho.com fastmail.com
orange.fr wanadoo.fr free.fr laposte.net libero.it tiscali.it btinternet.com sky.com ntlworld.com talktalk.net virginmedia.com
comcast.net verizon.net att.net sbcglobal.net cox.net bigpond.com chmail.ir mihanmail.ir yahoo.ir rediffmail.com seznam.cz wp.pl
o2.pl onet.pl bluewin.ch hispeed.ch telenet.be skynet.be ziggo.nl kpnmail.nl hotmail.de hotmail.it outlook.de outlook.fr
"""
# Nobody's own place on the web.
SHARED_SITES = "facebook.com linkedin.com instagram.com twitter.com x.com t.me google.com"

# Mailboxes of many.
SHARED_MAILBOXES = """
info office contact contacts sales admin administration hello mail email post team support service help enquiries inquiries
reception accounts accounting finance billing invoices invoice purchasing orders order marketing hr jobs webmaster postmaster
noreply no-reply donotreply kontakt buero vertrieb contacto ventas accueil
"""

# The form of a company, not its name.
COMPANY_FORMS = """
ltd limited inc incorporated llc llp lp plc corp corporation co company gmbh ag kg ohg mbh ug ev eg sa sas sarl eurl srl spa snc
bv nv oy oyj ab as asa aps kft zrt sro doo pty pte ltda sl slu kk pjsc jsc pvt the and und et y و شرکت سهامی خاص عام محدود
مسئولیت با تضامنی
"""

TITLES = """
mr mrs ms miss mx dr prof professor sir dame lord lady rev herr frau mme mlle sr sra phd md mba esq
آقا آقای خانم دکتر مهندس پروفسور استاد جناب سرکار سید سیده حاج
"""

# Father or son.
GENERATIONS = "jr sr junior senior ii iii iv"

# First names that are one: each line is one person's.
FIRST_NAMES = """
robert bob bobby rob robbie bert
william bill billy will willy liam
richard rick ricky dick rich
elizabeth liz lizzie beth betty eliza lisa
james jim jimmy jamie
john johnny jack
michael mike mick mikey
thomas tom tommy
daniel dan danny
david dave
edward ed eddie ted
joseph joe joey
katherine catherine kate katie cathy kathy kathryn
margaret maggie meg peggy
matthew matt
nicholas nick nicolas
patricia pat patty trish
samuel sam sammy
samantha sam
stephen steven steve
susan sue susie
anthony tony antony
andrew andy drew
alexander alex sandy sascha
alexandra alex sandra
benjamin ben
charles charlie chuck
christopher chris
christine christina chris tina
deborah debbie deb
francis frank
frederick fred freddie
gregory greg
jennifer jen jenny
jonathan jon
kenneth ken
lawrence larry laurence
philip phil phillip
peter pete
rebecca becky
ronald ron
timothy tim
victoria vicky
johannes hans jan
محمدرضا محمد
علیرضا علی
حمیدرضا حمید
امیرحسین امیر
"""
