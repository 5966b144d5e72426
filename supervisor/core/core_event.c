/* SPDX-License-Identifier: MIT */
#include "supervisor/core/core.h"

bool core_event_of_message(const struct control_message *m, struct core_event *event)
{
    event->edge = m->edge;
    event->serial = m->serial;
    event->acked = m->acked;
    event->expected = m->expected;
    event->text = m->text;
    event->want = m->want;
    switch (m->kind) {
    case CTL_STAGE_READY:
        event->kind = CORE_STAGE_READY;
        return true;
    case CTL_STAGE_POSITIONED:
        event->kind = CORE_STAGE_POSITIONED;
        return true;
    case CTL_STAGE_LINK_LISTENING:
        event->kind = CORE_LINK_LISTENING;
        return true;
    case CTL_STAGE_LINK_DIALED:
        event->kind = CORE_LINK_DIALED;
        return true;
    case CTL_STAGE_LINK_FAILED:
        event->kind = CORE_LINK_FAILED;
        return true;
    case CTL_STAGE_DONE:
        event->kind = CORE_STAGE_DONE;
        return true;
    case CTL_STAGE_REFUSED:
        event->kind = CORE_STAGE_REFUSED;
        return true;
    case CTL_STAGE_UNREAD:
        event->kind = CORE_STAGE_UNREAD;
        return true;
    case CTL_STAGE_UNSETTLED:
        event->kind = CORE_STAGE_UNSETTLED;
        return true;
    case CTL_STAGE_ALL_ACKED:
        event->kind = CORE_STAGE_ALL_ACKED;
        return true;
    case CTL_STAGE_SETTLED:
        event->kind = CORE_STAGE_SETTLED;
        return true;
    case CTL_STAGE_PONG:
        event->kind = CORE_STAGE_ANSWERED;
        return true;
    case CTL_STAGE_PAUSED:
        event->kind = CORE_STAGE_PAUSED;
        return true;
    case CTL_STAGE_RESUMED:
        event->kind = CORE_STAGE_RESUMED;
        return true;
    default:
        return false;
    }
}
