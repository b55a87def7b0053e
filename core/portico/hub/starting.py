"""Room for one more lab: its name, and the limit of labs that a user may have."""

from __future__ import annotations

from jupyterhub import orm
from jupyterhub.user import User

from portico.hub.names import free_name
from portico.settings.models import Settings, TenantEntry
from portico.words import Sentence, say


class NoRoom(Exception):
    """The user has as many labs as she may. The text is a sentence for her."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Starting:
    """Finds room for labs of one tenant's users."""

    def __init__(self, entry: TenantEntry) -> None:
        self._entry = entry

    def room_for(self, user: User, title: str) -> str:
        """The name for a new lab; raises NoRoom.

        A lab that was stopped and has the same title, or none either, is started again rather than doubled. At the limit, the lab that
        was stopped the longest ago gives way: the list of labs is a convenience, and what one computed lies at the site.
        """
        labs: dict[str, orm.Spawner] = {name: stored for name, stored in user.orm_spawners.items() if name}
        idle = [name for name in labs if name not in user.spawners or not (user.spawners[name].active or user.spawners[name].reserved)]
        for name in idle:
            if (labs[name].user_options or {}).get("title", "") == title:
                return name
        if len(labs) >= self._entry.lab_limit:
            if not idle:
                raise NoRoom(
                    say(
                        "start_no_room",
                        "You have {count} labs, which is the most that this portal allows. Stop one of them first.",
                        count=len(labs),
                    )
                )
            oldest = min(idle, key=lambda name: labs[name].id)
            user.spawners.pop(oldest, None)
            user.db.delete(labs.pop(oldest))
            user.db.commit()
        return free_name(title or "lab", labs)


def titles(settings: Settings) -> dict[str, str]:
    """The systems' titles by name."""
    return {system.name: system.title for system in settings.systems}
