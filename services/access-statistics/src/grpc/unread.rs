//! Reading `AccessEvents` where they lie, event by event, instead of building each.
//!
//! For speed, since building an event costs as much as everything else that is done with it; and so that an event that cannot
//! be read is told apart from its neighbours. Fields that this version does not know are passed over, as protobuf wants it.

/// `AccessEvents.events`.
const EVENTS: u32 = 1;

/// The batch's bytes cannot be taken apart into events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// An event's fields as they lie in the message; what was not sent is nought or empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct UnreadEvent<'a> {
    pub(super) occurred_at: Option<UnreadMoment>,
    pub(super) practice: &'a [u8],
    pub(super) kind: i32,
    pub(super) channel: &'a [u8],
    pub(super) section: i32,
    pub(super) pseudonym: &'a [u8],
    pub(super) capability: &'a [u8],
}

/// A `google.protobuf.Timestamp`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct UnreadMoment {
    pub(super) seconds: i64,
    pub(super) nanos: i32,
}

/// The bytes of each event of an `AccessEvents`; ends with an error where they cannot be told apart.
pub(super) fn events(bytes: &[u8]) -> impl Iterator<Item = Result<&[u8], Unreadable>> {
    let mut fields = Fields(bytes);
    std::iter::from_fn(move || {
        loop {
            match fields.next()? {
                Ok((EVENTS, Value::Bytes(event))) => return Some(Ok(event)),
                // An event in another form would be acknowledged and not counted.
                Ok((EVENTS, _)) | Err(Unreadable) => {
                    fields = Fields(&[]);
                    return Some(Err(Unreadable));
                }
                Ok(_) => {}
            }
        }
    })
}

impl<'a> UnreadEvent<'a> {
    /// Of a message's bytes. As in every reader of protobuf, the last of a field that comes twice counts.
    pub(super) fn of(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let mut event = Self::default();
        let mut fields = Fields(bytes);
        while let Some(field) = fields.next() {
            match field? {
                (1, Value::Bytes(moment)) => event.occurred_at.get_or_insert_default().merge(moment)?,
                (2, Value::Bytes(practice)) => event.practice = practice,
                (3, Value::Number(kind)) => event.kind = kind as i32,
                (4, Value::Bytes(channel)) => event.channel = channel,
                (5, Value::Number(section)) => event.section = section as i32,
                (6, Value::Bytes(pseudonym)) => event.pseudonym = pseudonym,
                (7, Value::Bytes(capability)) => event.capability = capability,
                // A field of ours in another form is none of ours.
                (1..=7, _) => return Err(Unreadable),
                _ => {}
            }
        }
        Ok(event)
    }
}

impl UnreadMoment {
    fn merge(&mut self, bytes: &[u8]) -> Result<(), Unreadable> {
        let mut fields = Fields(bytes);
        while let Some(field) = fields.next() {
            match field? {
                (1, Value::Number(seconds)) => self.seconds = seconds as i64,
                (2, Value::Number(nanos)) => self.nanos = nanos as i32,
                (1 | 2, _) => return Err(Unreadable),
                _ => {}
            }
        }
        Ok(())
    }
}

/// What a field holds, as far as its form tells.
#[derive(Clone, Copy, Debug)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Four or eight bytes: no field of ours has this form.
    Fixed,
}

/// The fields of a message that are not read yet.
#[derive(Clone, Copy, Debug)]
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    #[inline]
    fn next(&mut self) -> Option<Result<(u32, Value<'a>), Unreadable>> {
        if self.0.is_empty() { None } else { Some(self.field()) }
    }

    #[inline]
    fn field(&mut self) -> Result<(u32, Value<'a>), Unreadable> {
        let key = u32::try_from(self.number()?).map_err(|_| Unreadable)?;
        let value = match key & 7 {
            0 => Value::Number(self.number()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let len = usize::try_from(self.number()?).map_err(|_| Unreadable)?;
                Value::Bytes(self.take(len)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return Err(Unreadable),
        };
        // There is no field 0.
        if key < 8 { Err(Unreadable) } else { Ok((key >> 3, value)) }
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Unreadable)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A varint: seven bits a byte, the lowest first; nearly all here have one or two.
    #[inline]
    fn number(&mut self) -> Result<u64, Unreadable> {
        let mut number = 0;
        for (index, byte) in self.0.iter().take(10).enumerate() {
            // Of the tenth there is room for one bit.
            if index == 9 && *byte > 1 {
                break;
            }
            number |= u64::from(byte & 0x7f) << (7 * index);
            if *byte < 0x80 {
                self.0 = &self.0[index + 1..];
                return Ok(number);
            }
        }
        Err(Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;
    use proto::statistics::v1 as wire;

    use super::*;

    fn read(event: &wire::AccessEvent) -> UnreadEvent<'_> {
        UnreadEvent {
            occurred_at: event.occurred_at.map(|at| UnreadMoment { seconds: at.seconds, nanos: at.nanos }),
            practice: event.practice.as_bytes(),
            kind: event.kind,
            channel: event.channel.as_bytes(),
            section: event.section,
            pseudonym: &event.pseudonym,
            capability: event.capability.as_bytes(),
        }
    }

    fn event() -> impl Strategy<Value = wire::AccessEvent> {
        let moment = prop::option::of((any::<i64>(), any::<i32>()));
        let texts = [".{0,40}", ".{0,20}", ".{0,20}"];
        (moment, texts, any::<i32>(), any::<i32>(), prop::collection::vec(any::<u8>(), 0..200)).prop_map(
            |(moment, [practice, channel, capability], kind, section, pseudonym)| wire::AccessEvent {
                occurred_at: moment.map(|(seconds, nanos)| prost_types::Timestamp { seconds, nanos }),
                practice,
                kind,
                channel,
                section,
                pseudonym: pseudonym.into(),
                capability,
            },
        )
    }

    proptest! {
        #[test]
        fn it_reads_what_the_generated_code_writes(sent in prop::collection::vec(event(), 0..20)) {
            let bytes = wire::AccessEvents { events: sent.clone() }.encode_to_vec();
            let unread: Vec<&[u8]> = events(&bytes).collect::<Result<_, _>>().unwrap();
            prop_assert_eq!(unread.len(), sent.len());
            for (bytes, event) in unread.iter().zip(&sent) {
                prop_assert_eq!(UnreadEvent::of(bytes).unwrap(), read(event));
            }
        }

        /// And refuses nothing that the generated code takes, whatever the bytes, but for groups, which nobody has sent for
        /// twenty years.
        #[test]
        fn it_takes_bytes_apart_as_the_generated_code_does(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(event) = UnreadEvent::of(&bytes)
                && let Ok(generated) = wire::AccessEvent::decode(bytes.as_slice())
            {
                prop_assert_eq!(event, read(&generated));
            }
            for event in events(&bytes).flatten() {
                prop_assert!(event.len() < bytes.len());
            }
        }
    }

    #[test]
    fn fields_of_a_later_version_are_passed_over_and_the_last_of_two_counts() {
        // 9: a number, 10: bytes, 11: four bytes, 12: eight; kind twice.
        let bytes = [
            &[9 << 3, 0x96, 0x01][..],
            &[(10 << 3) | 2, 2, 7, 7],
            &[(11 << 3) | 5, 1, 2, 3, 4],
            &[(12 << 3) | 1, 1, 2, 3, 4, 5, 6, 7, 8],
            &[3 << 3, 1, 3 << 3, 2],
        ];
        assert_eq!(UnreadEvent::of(&bytes.concat()), Ok(UnreadEvent { kind: 2, ..UnreadEvent::default() }));
    }

    #[test]
    fn what_is_cut_off_or_in_another_form_is_unreadable() {
        for bytes in
            [&[(2 << 3) | 2, 5, b'A'][..], &[3 << 3], &[3 << 3, 0x80], &[(3 << 3) | 2, 0], &[0, 0], &[7], &[0xff; 11]]
        {
            assert_eq!(UnreadEvent::of(bytes), Err(Unreadable), "{bytes:?}");
        }
        let one_and_a_half = [(1 << 3) | 2, 0, (1 << 3) | 2, 9, 1];
        assert_eq!(events(&one_and_a_half).collect::<Vec<_>>(), [Ok(&[][..]), Err(Unreadable)]);
    }

    /// Found by fuzzing: its highest bits were dropped.
    #[test]
    fn a_number_of_more_than_64_bits_is_unreadable() {
        let largest = [&[3 << 3][..], &[0xff; 9], &[1]].concat();
        assert_eq!(UnreadEvent::of(&largest).map(|event| event.kind), Ok(-1));
        let larger = [&[3 << 3][..], &[0xff; 9], &[2]].concat();
        assert_eq!(UnreadEvent::of(&larger), Err(Unreadable));
        assert!(wire::AccessEvent::decode(&larger[..]).is_err());
    }

    /// Found by fuzzing: such an event was passed over, so it would have been acknowledged and not counted (I29).
    #[test]
    fn i29_an_event_that_is_a_number_is_unreadable_and_not_passed_over() {
        let number = [(1 << 3) | 2, 0, 1 << 3, 5, (1 << 3) | 2, 0];
        assert_eq!(events(&number).collect::<Vec<_>>(), [Ok(&[][..]), Err(Unreadable)]);
        assert!(wire::AccessEvents::decode(&number[..]).is_err());
    }
}
