// The little that HTML alone cannot do. No inline handler anywhere: a strict Content-Security-Policy holds.
'use strict';
{
    const nav = document.getElementById('portal-nav');
    const toggle = document.getElementById('nav-toggle');

    function showNav(open) {
        document.body.classList.toggle('nav-open', open);
        toggle.setAttribute('aria-expanded', String(open));
        if (open) {
            nav.querySelector('a').focus();
        } else {
            toggle.focus();
        }
    }

    if (nav && toggle) {
        toggle.addEventListener('click', () => showNav(!document.body.classList.contains('nav-open')));
    }

    document.addEventListener('keydown', (event) => {
        if (event.key !== 'Escape') {
            return;
        }
        if (document.body.classList.contains('nav-open')) {
            showNav(false);
        }
        document.querySelectorAll('details.menu[open]').forEach((menu) => {
            menu.open = false;
            menu.querySelector('summary').focus();
        });
    });

    // A menu closes when the person goes elsewhere.
    document.addEventListener('click', (event) => {
        document.querySelectorAll('details.menu[open]').forEach((menu) => {
            if (!menu.contains(event.target)) {
                menu.open = false;
            }
        });
    });

    // A form that sends a request to a CRM says so, and cannot be sent twice.
    document.addEventListener('submit', (event) => {
        const form = event.target;
        if (form.dataset.busy === 'yes') {
            event.preventDefault();
            return;
        }
        if (form.hasAttribute('data-once')) {
            form.dataset.busy = 'yes';
            form.setAttribute('aria-busy', 'true');
        }
    });
    window.addEventListener('pageshow', () => {
        document.querySelectorAll('form[data-busy]').forEach((form) => {
            delete form.dataset.busy;
            form.removeAttribute('aria-busy');
        });
    });

    // The cursor stands at the word of a filter that is wrong.
    const wrong = document.querySelector('[data-error-at]');
    if (wrong) {
        const at = Number(wrong.dataset.errorAt);
        wrong.focus();
        wrong.setSelectionRange(at, Number(wrong.dataset.errorEnd || at));
    }

    // Columns of a record list: the order can be changed with buttons, so that it works by keyboard too.
    document.querySelectorAll('[data-move]').forEach((button) => {
        button.addEventListener('click', () => {
            const item = button.closest('li');
            const other = button.dataset.move === 'up' ? item.previousElementSibling : item.nextElementSibling;
            if (other) {
                other[button.dataset.move === 'up' ? 'before' : 'after'](item);
                button.focus();
            }
        });
    });
}
